"""Dead letters from outside and inside, as the chassis writes them."""

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
    chosen,
    compacted,
    obstacle,
    opened,
    per_reason,
    since,
    undeliverable,
)
from services.console.operator.replay import outcomes, prepared
from tests.support.clock import HandClock
from tests.support.memory_twins import MemoryLog
from tests.support.rig import OPERATOR_PRIVATE, OPERATOR_PUBLIC

SECRET = "Alesia Novik"
BODY = SECRET.encode()
HEADERS: list[tuple[str, bytes | None]] = [("ce_id", b"e1"), ("x", b"\xff"), ("x", None), ("", b"")]
THERE = {"agency.a.referrals": 1, "provider.p.directory": 1, "agency.a.status": 1}


def record(
    value: bytes | None = SECRET.encode(), topic: str = "agency.a.referrals", key: bytes | None = b"k"
) -> Record:
    return Record(topic, 0, 41, key, value, HEADERS, HandClock().now())


async def written(*records: Record, limit: int | None = None, reason: str = "type-unknown") -> list[DeadLetter]:
    """What the chassis makes of them."""
    clock = HandClock()
    log = MemoryLog(clock.now)
    log.create(topics.DEAD_LETTERS, partitions=1)
    if limit is not None:
        log.limit = limit
    letters = DeadLetters("intake", log, OPERATOR_PUBLIC)
    await letters.send([(each, PoisonError("gate", reason, "ce_type")) for each in records])
    await letters.undeliverable([(OutgoingRecord("agency.a.status", b"k", BODY, [("ce_id", b"s1")]), "too-large")])
    return [
        DeadLetter.read(each.offset, int(each.appended.timestamp() * 1000), each.headers, each.value)
        for each in log.read(topics.DEAD_LETTERS)
    ]


async def test_what_stands_in_clear_is_read_and_holds_nothing_of_the_record() -> None:
    [letter, event] = await written(record())
    assert (letter.service, letter.origin, letter.stage) == ("intake", "agency.a.referrals/0/41", "gate")
    assert (letter.reason, letter.field, letter.offset) == ("type-unknown", "ce_type", 0)
    assert (event.origin, event.partition, event.undeliverable) == ("agency.a.status", None, True)
    assert SECRET not in repr([letter.clear(), letter.row(), letter])
    assert "sealed" not in letter.clear()


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00"])
@pytest.mark.parametrize("value", [None, b"", b"\x00\xff"])
async def test_what_is_opened_is_byte_for_byte_what_was_set_aside(key: bytes | None, value: bytes | None) -> None:
    [letter, _] = await written(record(value, key=key))
    whole = opened(letter, OPERATOR_PRIVATE)
    assert (whole.key, whole.value, whole.headers) == (key, value, HEADERS)
    readable = whole.readable()
    assert (readable["value"] and b64decode(readable["value"]["base64"])) == value
    assert readable["headers"][1:3] == [
        {"name": "x", "text": None, "base64": "/w=="},
        {"name": "x", "text": None, "base64": None},
    ]


async def test_a_letter_opens_with_no_other_key_and_not_when_it_was_changed() -> None:
    [letter, _] = await written(record())
    with pytest.raises(UnsealableError):
        opened(letter, new_pair()[0])
    broken = DeadLetter.read(0, 0, [], letter.sealed[:-8] + b"AAAAAAA=")
    with pytest.raises(UnsealableError):
        opened(broken, OPERATOR_PRIVATE)
    with pytest.raises(UnsealableError):
        opened(DeadLetter.read(0, 0, [], None), OPERATOR_PRIVATE)


def test_a_record_that_is_no_letter_is_listed_all_the_same() -> None:
    letter = DeadLetter.read(3, 0, [("dlq_partition", b"minus one"), ("dlq_reason", b"\xff"), ("other", None)], None)
    assert (letter.partition, letter.origin, letter.reason) == (None, "", "�")
    assert obstacle(letter, THERE)


async def test_letters_are_filtered_counted_and_dated() -> None:
    letters = await written(record(), record())
    assert [each.offset for each in chosen(letters, reason="type-unknown")] == [0, 1]
    assert chosen(letters, service="matching") == []
    assert per_reason(letters) == {"type-unknown": 2, "undeliverable": 1}
    assert list(per_reason(letters)) == ["type-unknown", "undeliverable"]
    assert since(letters, letters[0].at) == letters
    assert since(letters, letters[-1].at + timedelta(seconds=1)) == []
    assert letters[0].at < datetime.now(UTC) + timedelta(days=3650)


async def test_what_can_not_be_replayed_says_why() -> None:
    [letter, event] = await written(record())
    assert obstacle(letter, THERE) is None
    assert obstacle(event, THERE) is None
    assert "not there" in (obstacle(letter, {}) or "")
    moved = DeadLetter.read(0, 0, [("dlq_topic", b"agency.a.referrals"), ("dlq_partition", b"5")], b"")
    assert "no partition 5" in (obstacle(moved, THERE) or "")


async def test_a_letter_that_was_too_large_to_be_kept_says_where_its_record_is() -> None:
    [stub, *_] = await written(record(b"x" * 5000), limit=2000)
    assert "too large to be kept; read agency.a.referrals/0/41" in (obstacle(stub, THERE) or "")
    assert "without key, value, headers" in str(stub.row())


async def test_a_replay_says_of_each_letter_what_became_of_it() -> None:
    [letter, event] = await written(record())
    ready, said = prepared([letter, event], OPERATOR_PRIVATE, {"agency.a.referrals": 1})
    assert [each.offset for each, _ in ready] == [0]
    assert list(said) == [1]
    assert [each.outcome for each in outcomes([letter, event], ready, said, yes=False)] == [
        "would be published",
        "failed",
    ]
    [done, _] = outcomes([letter, event], ready, said, yes=True)
    assert (done.outcome, done.bytes) == ("published", 1 + len(SECRET) + len("ce_ide1" + "x" + "x") + 1)
    _, refused = prepared([letter], new_pair()[0], THERE)
    assert "does not open" in refused[0]


async def test_letters_that_need_a_second_thought_are_known() -> None:
    letters = await written(record(), record(topic="provider.p.directory"))
    assert undeliverable(letters) == [2]
    assert compacted(letters) == [1]
