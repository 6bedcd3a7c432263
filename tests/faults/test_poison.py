"""Records that cannot be handled, alone or among good ones: each becomes a dead letter, and the others continue."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from contracts.topics import DEAD_LETTERS
from deploy.local.process import Process
from tests.support.bad_input import Bad, headers, of_others, of_referral

from .checker import Record, read_all
from .people import Agency, Writer, referral
from .world import FULL, World, eventually, say

GOOD_PER_BAD = 1000 if FULL else 4
KINDS = (
    "no value",
    "empty value",
    "cut off",
    "not UTF-8",
    "a lone surrogate",
    "deep objects",
    "deep lists",
    "a number of 5000 digits",
    "NUL in a text",
    "a field twice",
    "too large",
    "version 2",
    "an unknown type",
    "no id",
    "no headers at all",
    "a time",
    "structured: NaN",
)
"""The kinds of the fault table's row 14, as `tests/support/bad_input.py` names them."""


def bad_ones(only: Sequence[str] = ()) -> list[Bad]:
    good = referral("R-bad", [{"need": "1", "category": "shelter", "urgency": "normal"}])
    candidates = [each for each in (*of_referral(good), *of_others()) if not only or each.name in only]
    assert not only or {each.name for each in candidates} == set(only)
    return candidates


@pytest.mark.short
async def test_poison_of_every_kind_among_good_records(here: World) -> None:
    bad = bad_ones(KINDS)
    agency = await _new_agency(here, "mixed")
    topic = f"agency.{agency.id}.referrals"
    async with here.busy("poison among good records", f"1 in {GOOD_PER_BAD} of each of {len(bad)} kinds") as fault:
        reference = await here.refer(agency, [{"need": "1", "category": "cash", "urgency": "urgent"}])
        states = agency.needs[agency.id, reference, "1"]
        await eventually(lambda: "unmet" in states, "the need whose status is requested has ended")
        before, began = len(states), time.monotonic()
        request = json.dumps({"reference": reference}).encode()
        for number, each in enumerate(bad):
            await agency.writer.raw(topic, "bad", each.value, each.headers)
            asks = [headers("agency.status-requested.v1", f"ask-{number}-{n}") for n in range(GOOD_PER_BAD)]
            for some in (asks[at : at + 250] for at in range(0, len(asks), 250)):
                await asyncio.gather(*(agency.writer.raw(topic, reference, request, head) for head in some))
        fault.lifted()
        good = GOOD_PER_BAD * len(bad)
        await eventually(
            lambda: len(states) - before >= good, lambda: f"{len(states) - before} of {good} were answered"
        )
        await eventually(lambda: agency.refused >= len(bad), lambda: f"{agency.refused} of {len(bad)} were refused")
        say(f"\n{good + len(bad)} records in {time.monotonic() - began:.1f} s")
    assert len(states) - before == good
    assert agency.refused == len(bad)
    dead_letters = await _dead_letters(here, topic)
    assert Counter((each["reason"], each["field"]) for each in dead_letters) == Counter(
        e.dead_letter for e in bad if e.dead_letter
    )


async def test_a_whole_topic_of_poison_fills_no_memory_and_stops_nobody(here: World) -> None:
    bad = [each for each in bad_ones() if not each.name.startswith("structured") and len(each.value or b"") < 50_000]
    count, numbers = 20_000, itertools.count()
    agency = await _new_agency(here, "poisoner")
    topic = f"agency.{agency.id}.referrals"
    intakes = [each for name, each in here.fleet.wanted.items() if name[0] == "intake"]
    async with here.busy("a topic of poison", f"{count} records") as fault:
        before = max(_megabytes(each) for each in intakes)
        todo = islice(cycle(bad), count)
        while some := [(each, next(numbers)) for each in islice(todo, 250)]:
            sending = (agency.writer.raw(topic, "bad", each.value, _under_its_own_id(each, n)) for each, n in some)
            await asyncio.gather(*sending)
        fault.lifted()
        await eventually(lambda: agency.refused >= count, lambda: f"{agency.refused} of {count} were refused")
        grown = max(_megabytes(each) for each in intakes) - before
        say(f"\nmemory of intake grew by {grown} MB, from {before} MB")
    assert agency.refused == count
    assert grown < 200


def _under_its_own_id(bad: Bad, number: int) -> list[tuple[str, bytes | None]]:
    """Headers with an id of their own: under one id all would be reported once."""
    return [
        (name, value + f"-{number}".encode() if name == "ce_id" and value else value) for name, value in bad.headers
    ]


INTERNAL = {
    "referrals.inbox.intake": ("intake.received.v1", 1),
    "referrals.inbox.matching": ("matching.waiting-recalled.v1", 1),
    "referrals.inbox.notification": ("notification.answer-received.v1", 1),
    "referrals.inbox.outcomes": ("intake.refused.v1", 1),
    "referrals.intake": ("intake.accepted.v1", 2),
    "referrals.matching": ("matching.matched.v1", 2),
    "referrals.notification": ("notification.declined.v1", 2),
}
"""A type that is handled on each topic, and how many services read it."""

RAW: dict[str, bytes | None] = {
    "no value": None,
    "empty": b"",
    "no JSON": b"{",
    "not UTF-8": b'{"referral_id": "\xff"}',
    "deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "not an object": b"[]",
    "nothing of what it needs": b"{}",
    "huge": b'{"attempt": ' + b"9" * 5000 + b"}",
    "NaN": b'{"attempt": NaN}',
    "a lone surrogate": b'{"referral_id": "\\ud800"}',
}


async def test_every_reader_of_an_internal_topic_sets_poison_aside(here: World) -> None:
    writer = Writer(here.operator)
    wanted = {topic: len(RAW) * readers + readers for topic, (_, readers) in INTERNAL.items()}
    wanted["referrals.matching"] += 2  # intake reads it too, and takes a record without a value or headers for its own
    before = {topic: len(await _dead_letters(here, topic)) for topic in INTERNAL}
    try:
        async with here.busy("poison on internal topics") as fault:
            for topic, (kind, _) in INTERNAL.items():
                for name, value in RAW.items():
                    await writer.raw(topic, name, value, headers(kind, f"poison-{name}"))
                await writer.raw(topic, "no headers", b"{}", [])
            fault.lifted()
    finally:
        await writer.stop()
    counts = {topic: len(await _dead_letters(here, topic)) - before[topic] for topic in INTERNAL}
    assert counts == wanted


async def _new_agency(here: World, id_: str) -> Agency:
    agency = Agency(id_, await here.onboard("agency", id_))
    here.agencies.append(agency)
    here.also(agency.read())
    return agency


async def _dead_letters(here: World, topic: str) -> list[dict[str, str]]:
    """Clear headers of the dead letters of a topic, once for each record and service."""

    def fields(record: Record) -> dict[str, Any]:
        return {name.removeprefix("dlq_"): value for name, value in record.headers.items()}

    headers_of_all = [fields(each) for each in await read_all(here.operator.aiokafka(), DEAD_LETTERS)]
    once = {
        (each["service"], each["partition"], each["offset"]): each for each in headers_of_all if each["topic"] == topic
    }
    return list(once.values())


def _megabytes(process: Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024
