"""Dead letters as the chassis writes them: listed, decrypted, and prepared for a replay."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest

from contracts import topics
from services.chassis.encryption import UnsealableError, new_pair
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.errors import PoisonError
from services.chassis.ports import OutgoingRecord, Record
from services.console.operator.dead_letter import (
    DeadLetter,
    compacted,
    decrypt,
    obstacle,
    per_reason,
    select,
    since,
    undeliverable,
)
from services.console.operator.replay import outcomes, prepare
from tests.support.clock import HandClock
from tests.support.memory_twins import MemoryLog
from tests.support.rig import OPERATOR_PRIVATE, OPERATOR_PUBLIC

SECRET = "Alesia Novik"
BODY = SECRET.encode()
HEADERS: list[tuple[str, bytes | None]] = [("ce_id", b"e1"), ("x", b"\xff"), ("x", None), ("", b"")]
PARTITIONS = {"agency.a.referrals": 1, "provider.p.directory": 1, "agency.a.status": 1}


def record(
    value: bytes | None = SECRET.encode(), topic: str = "agency.a.referrals", key: bytes | None = b"k"
) -> Record:
    return Record(topic, 0, 41, key, value, HEADERS, HandClock().now())


async def written(*records: Record, limit: int | None = None, reason: str = "type-unknown") -> list[DeadLetter]:
    """The dead letters that the chassis writes for these records, and for one undeliverable event."""
    clock = HandClock()
    log = MemoryLog(clock.now)
    log.create(topics.DEAD_LETTERS, partitions=1)
    if limit is not None:
        log.limit = limit
    dead_letters = DeadLetters("intake", log, OPERATOR_PUBLIC)
    await dead_letters.send([(each, PoisonError("gate", reason, "ce_type")) for each in records])
    await dead_letters.undeliverable([(OutgoingRecord("agency.a.status", b"k", BODY, [("ce_id", b"s1")]), "too-large")])
    return [
        DeadLetter.read(each.offset, int(each.appended.timestamp() * 1000), each.headers, each.value)
        for each in log.read(topics.DEAD_LETTERS)
    ]


async def test_the_readable_part_contains_nothing_of_the_record() -> None:
    [dead_letter, event] = await written(record())
    assert (dead_letter.service, dead_letter.origin, dead_letter.stage) == ("intake", "agency.a.referrals/0/41", "gate")
    assert (dead_letter.reason, dead_letter.field, dead_letter.offset) == ("type-unknown", "ce_type", 0)
    assert (event.origin, event.partition, event.undeliverable) == ("agency.a.status", None, True)
    assert SECRET not in repr([dead_letter.clear(), dead_letter.row(), dead_letter])
    assert "sealed" not in dead_letter.clear()


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00"])
@pytest.mark.parametrize("value", [None, b"", b"\x00\xff"])
async def test_a_decrypted_record_is_the_original_byte_for_byte(key: bytes | None, value: bytes | None) -> None:
    [dead_letter, _] = await written(record(value, key=key))
    original = decrypt(dead_letter, OPERATOR_PRIVATE)
    assert (original.key, original.value, original.headers) == (key, value, HEADERS)
    readable = original.readable()
    assert (readable["value"] and b64decode(readable["value"]["base64"])) == value
    assert readable["headers"][1:3] == [
        {"name": "x", "text": None, "base64": "/w=="},
        {"name": "x", "text": None, "base64": None},
    ]


async def test_a_dead_letter_cannot_be_decrypted_with_another_key_or_after_a_change() -> None:
    [dead_letter, _] = await written(record())
    with pytest.raises(UnsealableError):
        decrypt(dead_letter, new_pair()[0])
    broken = DeadLetter.read(0, 0, [], dead_letter.sealed[:-8] + b"AAAAAAA=")
    with pytest.raises(UnsealableError):
        decrypt(broken, OPERATOR_PRIVATE)
    with pytest.raises(UnsealableError):
        decrypt(DeadLetter.read(0, 0, [], None), OPERATOR_PRIVATE)


def test_a_record_that_is_not_a_dead_letter_is_listed_too() -> None:
    dead_letter = DeadLetter.read(
        3, 0, [("dlq_partition", b"minus one"), ("dlq_reason", b"\xff"), ("other", None)], None
    )
    assert (dead_letter.partition, dead_letter.origin, dead_letter.reason) == (None, "", "�")
    assert obstacle(dead_letter, PARTITIONS)


async def test_dead_letters_are_filtered_counted_and_dated() -> None:
    dead_letters = await written(record(), record())
    assert [each.offset for each in select(dead_letters, reason="type-unknown")] == [0, 1]
    assert select(dead_letters, service="matching") == []
    assert per_reason(dead_letters) == {"type-unknown": 2, "undeliverable": 1}
    assert list(per_reason(dead_letters)) == ["type-unknown", "undeliverable"]
    assert since(dead_letters, dead_letters[0].at) == dead_letters
    assert since(dead_letters, dead_letters[-1].at + timedelta(seconds=1)) == []
    assert dead_letters[0].at < datetime.now(UTC) + timedelta(days=3650)


async def test_an_obstacle_to_a_replay_is_explained() -> None:
    [dead_letter, event] = await written(record())
    assert obstacle(dead_letter, PARTITIONS) is None
    assert obstacle(event, PARTITIONS) is None
    assert "does not exist" in (obstacle(dead_letter, {}) or "")
    moved = DeadLetter.read(0, 0, [("dlq_topic", b"agency.a.referrals"), ("dlq_partition", b"5")], b"")
    assert "no longer has a partition 5" in (obstacle(moved, PARTITIONS) or "")


async def test_a_dead_letter_that_was_too_large_names_the_place_of_the_original() -> None:
    [stub, *_] = await written(record(b"x" * 5000), limit=2000)
    assert "read the original at agency.a.referrals/0/41" in (obstacle(stub, PARTITIONS) or "")
    assert "without key, value, headers" in str(stub.row())


async def test_a_replay_reports_the_outcome_of_each_dead_letter() -> None:
    [dead_letter, event] = await written(record())
    ready, failures = prepare([dead_letter, event], OPERATOR_PRIVATE, {"agency.a.referrals": 1})
    assert [each.offset for each, _ in ready] == [0]
    assert list(failures) == [1]
    assert [each.outcome for each in outcomes([dead_letter, event], ready, failures, yes=False)] == [
        "would be published",
        "failed",
    ]
    [done, _] = outcomes([dead_letter, event], ready, failures, yes=True)
    assert (done.outcome, done.bytes) == ("published", 1 + len(SECRET) + len("ce_ide1" + "x" + "x") + 1)
    _, refused = prepare([dead_letter], new_pair()[0], PARTITIONS)
    assert "does not open" in refused[0]


async def test_undeliverable_and_compacted_dead_letters_are_recognised() -> None:
    dead_letters = await written(record(), record(topic="provider.p.directory"))
    assert undeliverable(dead_letters) == [2]
    assert compacted(dead_letters) == [1]
