"""The six steps, rule by rule, on the memory twins: what arrives, what leaves, and what is repeated."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.base import Message as Body
from contracts.operations import TimerElapsed
from services.chassis.engine import batch as batch_module
from tests.support import counter
from tests.support.counter import OTHER, Add, Answered, ReadTotal, Seats, Sit, Stand, Wind
from tests.support.memory_twins import drain
from tests.support.rig import Rig, once


@pytest.fixture
def rig() -> Rig:
    return Rig()


# What arrives and what leaves -----------------------------------------------------------------------------------------


async def test_events_are_decided_in_order_and_their_facts_published_and_committed(rig: Rig) -> None:
    for _ in range(3):
        rig.send(Add(counter="a"))
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2, 3]
    assert rig.group.lag == 0
    assert len(rig.store.journal) == 1, "one document per stream and batch"


async def test_the_log_line_of_a_batch_has_the_number_of_unread_records(rig: Rig) -> None:
    for _ in range(3):
        rig.send(Add(counter="a"))
    batch = rig.group.join().fetch(max_records=2)
    assert batch is not None
    with capture_logs() as lines:
        await rig.loop().handle(batch)
    [line] = [line for line in lines if line["event"] == "batch"]
    assert (line["batch_size"], line["lag"]) == (2, 1)


async def test_facts_that_do_not_fit_into_one_document_go_into_several(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_module, "_FULL_DOCUMENT", 100)  # a fact has some forty characters
    for _ in range(9):
        rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(), rig.group.join())
    assert (rig.totals("a"), rig.totals("b")) == ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1])
    sizes = [len(document["entries"]) for document in rig.store.journal.values() if document["stream"] == "a"]
    assert len(sizes) > 1
    assert max(sizes) <= 4
    assert sum(sizes) == 9
    assert rig.group.lag == 0


async def test_an_event_carries_its_cause_and_its_referral(rig: Rig) -> None:
    rig.send(Add(counter="a"), id_="sender/7", key="the-referral")
    await drain(rig.loop(), rig.group.join())
    [out] = rig.seen()
    assert (out.event.causationid, out.event.correlationid, out.event.subject) == ("sender/7", "the-referral", "a")
    assert out.record.key == b"the-referral"
    assert out.event.source == "/referral-routing/counter"


async def test_facts_are_published_in_the_order_of_arrival(rig: Rig) -> None:
    rig.log.topics[counter.COUNTED] = [[]]  # one partition shows the order across streams
    rig.log.topics[counter.INBOX] = [[]]
    for name in ("b", "a", "c", "a", "b"):
        rig.send(Add(counter=name))
    await drain(rig.loop(), rig.group.join())
    assert [each.body["counter"] for each in rig.seen()] == ["b", "a", "c", "a", "b"]


async def test_types_that_are_not_handled_are_skipped_and_counted(rig: Rig) -> None:
    rig.send(Answered(counter="a", total=1))
    rig.send(Add(counter="a"))
    loop = rig.loop()
    await drain(loop, rig.group.join())
    assert (rig.totals("a"), rig.dead()) == ([1], [])
    assert loop._reporter.meter.registry.get_sample_value("referrals_skipped_total", {"service": "counter"}) == 1


# Repetitions --------------------------------------------------------------------------------------------------------


async def test_a_repeated_event_publishes_the_same_facts_again(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a"), id_="x")  # again, with others in the batch
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    assert [each.body["total"] for each in rig.seen()] == [1, 2, 1, 1]
    assert len(once(rig.seen())) == 2
    assert len(rig.store.entries("a")) == 2


async def test_an_event_repeated_within_its_first_batch_is_decided_once(rig: Rig) -> None:
    rig.send(Add(counter="a"), id_="x")
    rig.send(Add(counter="a"), id_="x")
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1]
    assert len(rig.store.entries("a")) == 1


async def test_the_same_id_on_another_topic_is_another_event(rig: Rig) -> None:
    """No sender can suppress another's event."""
    rig.send(Add(counter="a"), id_="x")
    rig.send(Add(counter="a"), id_="x", topic=OTHER)
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 2]


async def test_a_reused_id_with_another_body_is_answered_and_changes_nothing(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"), id_="x")
    rig.send(Add(counter="a", by=50), id_="x")
    await drain(loop, consumer)
    assert rig.totals("a") == [1]
    assert [each.body["wrong"] for each in rig.seen(counter.ANSWERS)] == ["id used twice"]
    assert len(rig.store.entries("a")) == 1


async def test_an_answer_is_not_journaled_and_its_id_covers_its_text(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(ReadTotal(counter="a"), id_="x")
    rig.send(ReadTotal(counter="a"), id_="x")
    await drain(loop, consumer)
    assert rig.store.journal == {}
    rig.send(Add(counter="a"))
    rig.send(ReadTotal(counter="a"), id_="x")
    await drain(loop, consumer)
    assert [each.body["total"] for each in rig.seen(counter.ANSWERS)] == [0, 0, 1]
    assert rig.totals("a", counter.ANSWERS) == [0, 1]


async def test_a_stream_accepts_a_limited_number_of_changes(rig: Rig) -> None:
    for _ in range(4):
        rig.send(Add(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(stream_limit=3), rig.group.join())
    assert (rig.totals("a"), rig.totals("b")) == ([1, 2, 3], [1])
    assert [each["reason"] for each in rig.dead()] == ["too-many-changes"]


# Claims -------------------------------------------------------------------------------------------------------------


async def test_an_event_whose_claim_is_refused_is_decided_again_while_others_are_stored(rig: Rig) -> None:
    rig.claims.tables["seats"]["s1"] = {"counter": "somebody"}
    rig.send(Sit(counter="a"))
    rig.send(Add(counter="b"))
    await drain(rig.loop(context_loader=Seats(rig.claims, "s1", "s2", careless=True)), rig.group.join())
    assert rig.claims.tables["seats"] == {"s1": {"counter": "somebody"}, "s2": {"counter": "a"}}
    assert [each.body["seat"] for each in rig.seen() if "seat" in each.body] == ["s2"]
    assert rig.totals("b") == [1]


async def test_one_batch_never_assigns_a_seat_twice(rig: Rig) -> None:
    for name in ("a", "b", "c"):
        rig.send(Sit(counter=name))
    await drain(rig.loop(), rig.group.join())
    assert sorted(rig.claims.tables["seats"]) == ["s1", "s2"]
    assert len({each.body["seat"] for each in rig.seen()}) == 2
    assert [each.body["wrong"] for each in rig.seen(counter.ANSWERS)] == ["no seat"]


async def test_a_returned_seat_can_be_taken_again(rig: Rig) -> None:
    loop, consumer = rig.loop(context_loader=Seats(rig.claims, "s1")), rig.group.join()
    for event in (Sit(counter="a"), Stand(counter="a")):
        rig.send(event)
        await drain(loop, consumer)
    rig.send(Sit(counter="b"))
    await drain(loop, consumer)
    assert rig.claims.tables["seats"] == {"s1": {"counter": "b"}}


async def test_a_batch_that_loses_every_claim_is_postponed(rig: Rig) -> None:
    class Stubborn:
        async def gather(self, pairs: Sequence[tuple[Any, Body]]) -> counter.FreeSeats:
            return counter.FreeSeats(["s1"])

    rig.claims.tables["seats"]["s1"] = {"counter": "somebody"}
    rig.send(Sit(counter="a"))
    batch = rig.group.join().fetch()
    assert batch is not None
    await rig.loop(context_loader=Stubborn()).handle(batch)
    assert batch.settled == "nack"


# Timers and the cache -------------------------------------------------------------------------------------------------


async def test_a_timer_counts_only_while_it_matters(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Wind(counter="a", minutes=5))
    rig.send(Wind(counter="a", minutes=9))
    await drain(loop, consumer)
    assert sorted(rig.store.timers) == [f"a:ring:{counter.INBOX}/e1", f"a:ring:{counter.INBOX}/e2"]
    for timer in await rig.store.due(rig.clock.advance(minutes=10), 10):
        rig.send(TimerElapsed(stream=timer.stream, name=timer.name, due_at=timer.due_at))
    await drain(loop, consumer)
    assert [each.type for each in rig.seen()] == [counter.Rang.ce_type()], "the second one only"


async def test_the_cache_is_trimmed_after_a_batch_never_during_it(rig: Rig) -> None:
    names = [f"c{n}" for n in range(20)]
    loop, consumer = rig.loop(cached_streams=5), rig.group.join()
    for _ in range(2):
        for name in names + names:
            rig.send(Add(counter=name))
        await drain(loop, consumer)
        assert len(loop._streams) == 5
    assert all(rig.totals(name) == [1, 2, 3, 4] for name in names)


async def test_a_cached_stream_recognises_repeated_events(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    rig.send(Add(counter="a"), id_="x")
    await drain(loop, consumer)
    assert rig.totals("a") == [1]


async def test_any_other_exception_leaves_the_batch_uncommitted(rig: Rig) -> None:
    class Broken:
        async def gather(self, pairs: Sequence[tuple[Any, Body]]) -> Any:
            raise ZeroDivisionError

    rig.send(Add(counter="a"))
    batch = rig.group.join().fetch()
    assert batch is not None
    loop = rig.loop(context_loader=Broken())
    with pytest.raises(ZeroDivisionError):
        await loop.handle(batch)
    assert batch.settled is None
    assert loop.idle.is_set()
