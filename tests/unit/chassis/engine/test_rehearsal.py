"""A rehearsal keeps the events that would change anything, changes nothing itself, and is stopped by no fault."""

import copy

import pytest
from structlog.testing import capture_logs

from contracts.base import Message
from services.chassis.engine.rehearsal import Rehearsal
from services.chassis.errors import TransientError
from tests.support.counter import Add, Counter, CounterPolicy, ReadTotal, Seats, Sit, Stand
from tests.support.memory_twins import drain
from tests.support.rig import Rig


def rehearsal(rig: Rig, *seats: str) -> Rehearsal[Counter]:
    return Rehearsal(CounterPolicy(), rig.store, Seats(rig.claims, *seats))


async def kept(rig: Rig, *events: Message, seats: tuple[str, ...] = ("s1",)) -> list[Message]:
    addressed = [(event, event.counter) for event in events]  # type: ignore[attr-defined]
    return [event for event, _ in await rehearsal(rig, *seats).with_effect(addressed, rig.clock.now())]


async def test_events_without_effect_are_left_out_and_the_order_stays() -> None:
    rig = Rig()
    rig.send(Sit(counter="a"))
    await drain(rig.loop(), rig.group.join())
    events = [Stand(counter="b"), Add(counter="c"), Stand(counter="a"), Stand(counter="c")]
    assert await kept(rig, *events) == [Add(counter="c"), Stand(counter="a")]


async def test_a_rehearsal_changes_nothing_and_may_be_repeated() -> None:
    rig = Rig()
    rig.send(Add(counter="a"))
    await drain(rig.loop(), rig.group.join())
    before = copy.deepcopy((rig.store.journal, rig.store.timers, rig.claims.tables, rig.log.topics))
    for _ in range(2):
        assert len(await kept(rig, Add(counter="a"), Sit(counter="b"))) == 2
    assert (rig.store.journal, rig.store.timers, rig.claims.tables, rig.log.topics) == before


async def test_what_one_event_would_use_is_gone_for_the_next() -> None:
    rig, free = Rig(), []

    class Watched(CounterPolicy):
        def decide(self, state, event, now, context):  # type: ignore[no-untyped-def]
            free.append(list(context.free))
            return super().decide(state, event, now, context)

    events = [(Sit(counter=name), name) for name in ("a", "b")]
    await Rehearsal(Watched(), rig.store, Seats(rig.claims, "s1")).with_effect(events, rig.clock.now())
    assert free == [["s1"], []]


async def test_a_stream_that_cannot_be_read_or_decided_stops_no_other() -> None:
    rig = Rig()
    rig.send(Add(counter="broken"))
    await drain(rig.loop(), rig.group.join())
    (document,) = rig.store.journal.values()
    document["entries"][0]["facts"][0]["type"] = "no.such.fact.v1"
    events = [Add(counter="broken"), Add(counter="unlucky", by=13), Add(counter="a")]
    with capture_logs() as logs:
        assert await kept(rig, *events) == [Add(counter="a")]
    assert [(line["event"], line["stream"]) for line in logs] == [
        ("rehearsal_failed", "broken"),
        ("rehearsal_failed", "unlucky"),
    ]


async def test_a_database_that_is_away_is_no_reason_to_send_or_to_forget() -> None:
    rig = Rig()
    rig.store.fail("load", "before")
    with pytest.raises(TransientError):
        await kept(rig, Add(counter="a"))
    assert await kept(rig, ReadTotal(counter="a")) == [ReadTotal(counter="a")]
    assert await kept(rig) == []
