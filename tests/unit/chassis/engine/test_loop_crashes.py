"""The six steps when the process dies, a call fails, or another instance writes too; on the memory twins."""

from collections.abc import Sequence
from typing import Any

import pytest

from contracts.base import Message as Body
from services.chassis.engine.loop import Loop
from tests.support import counter
from tests.support.counter import FIRST, OTHER, Add, ReadTotal, Seats, Sit, Stand, Wind
from tests.support.memory_twins import MemoryConsumer, drain
from tests.support.rig import Rig, once


@pytest.fixture
def rig() -> Rig:
    return Rig()


class Rival:
    """A context loader that, once, lets another instance handle its batch between our load and our decision."""

    def __init__(self, rival: Loop[Any], consumer: MemoryConsumer, then: Any) -> None:
        self._rival, self._consumer, self._then = rival, consumer, then
        self._done = False

    async def gather(self, pairs: Sequence[tuple[Any, Body]]) -> Any:
        if not self._done:
            self._done = True
            await drain(self._rival, self._consumer)
        return await self._then.gather(pairs)


# The crash table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["decoded", "loaded", "decided", "stored", "published", "committed"])
async def test_wherever_the_process_dies_each_event_takes_effect_once(rig: Rig, step: str) -> None:
    for name in ("a", "b", "a"):
        rig.send(Add(counter=name, by=2))
    rig.send(Wind(counter="a", minutes=5))
    rig.send(Sit(counter="b"))
    await rig.die(rig.group.join(), step)
    before = {each.id for each in rig.seen()}

    await drain(rig.loop(), rig.group.join())
    assert (rig.totals("a"), rig.totals("b")) == ([2, 4], [2])
    assert before <= {each.id for each in rig.seen()}
    assert len(once(rig.seen())) == 4, "a repetition carries the same ids"
    assert [entry["cause"] for entry in rig.store.entries("a")] == [f"{counter.INBOX}/e{n}" for n in (1, 3, 4)]
    assert len(rig.store.timers) == 1
    assert rig.claims.tables["seats"] == {"s1": {"counter": "b"}}
    assert rig.claims.tables["board"] == {"a": {"total": 4}, "b": {"total": 2}}
    assert rig.group.lag == 0


async def test_records_fetched_before_their_partition_moved_are_left_to_the_new_owner(rig: Rig) -> None:
    """Otherwise the later fact would leave first: only the owner of a partition knows which facts are unpublished."""
    left, loop = rig.group.join(), rig.loop()
    for by in (1, 10):
        rig.send(Add(counter="a", by=by), topic=FIRST)
    rig.log.fail("publish", "before")
    await loop.handle(left.fetch() or pytest.fail("nothing to read"))  # stored, but not published
    rig.send(Add(counter="a", by=100))
    fetched = left.fetch(1, [(counter.INBOX, number) for number in range(len(rig.log.topics[counter.INBOX]))])
    assert fetched is not None
    rig.group.leave(left)

    await loop.handle(fetched)
    assert rig.seen() == [], "it belongs to the new owner"
    await drain(rig.loop(), rig.group.join())
    assert [each.body["total"] for each in once(rig.seen())] == [1, 11, 111]


@pytest.mark.parametrize("when", ["before", "midway", "after"])
@pytest.mark.parametrize(
    ("twin", "call"), [("store", "append"), ("store", "load"), ("store", "set_timers"), ("log", "publish"),
                       ("claims", "take"), ("claims", "put"), ("claims", "drop")],
)  # fmt: skip
async def test_a_failure_in_doubt_repeats_the_batch_with_the_same_ids(
    rig: Rig, twin: str, call: str, when: str
) -> None:
    consumer = rig.group.join()
    rig.send(Sit(counter="b"))
    await drain(rig.loop(), consumer)
    for name in ("a", "b", "a"):
        rig.send(Add(counter=name))
    rig.send(Stand(counter="b"))
    rig.send(Sit(counter="c"))
    rig.send(Wind(counter="a", minutes=1))
    getattr(rig, twin).fail(call, when)

    batch = consumer.fetch()
    assert batch is not None
    loop = rig.loop()
    await loop.handle(batch)
    assert batch.settled == "nack"
    before = {each.id for each in rig.seen()}
    await drain(loop, consumer)
    assert (rig.totals("a"), rig.totals("b")) == ([1, 2], [1])
    assert before <= {each.id for each in rig.seen()}
    assert len(once(rig.seen())) == 5
    assert sorted(row["counter"] for row in rig.claims.tables["seats"].values()) == ["c"]
    assert len(rig.store.timers) == 1
    assert rig.group.lag == 0


async def test_a_commit_in_doubt_repeats_the_batch(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    consumer, loop = rig.group.join(), rig.loop()
    batch = consumer.fetch()
    assert batch is not None
    batch.fail("commit", "before")
    await loop.handle(batch)
    await drain(loop, consumer)
    assert rig.totals("a") == [1]
    assert rig.group.lag == 0


async def test_rows_and_timers_are_written_before_events_are_published(rig: Rig) -> None:
    rig.send(Add(counter="a"))
    rig.send(Wind(counter="a", minutes=1))
    rig.log.fail("publish", "before")
    consumer = rig.group.join()
    batch = consumer.fetch()
    assert batch is not None
    await rig.loop().handle(batch)
    assert rig.seen() == []
    assert rig.claims.tables["board"] == {"a": {"total": 1}}
    assert len(rig.store.timers) == 1


# Two writers --------------------------------------------------------------------------------------------------------


async def test_two_events_of_a_stream_in_one_batch_lose_a_race_together(rig: Rig) -> None:
    """loop.md 4a: with a document per event, the second would be stored, decided on a state that never existed."""
    zombie = rig.group.join()
    rig.send(Add(counter="a", by=1), id_="c1")
    rig.send(Add(counter="a", by=10), id_="c2")
    batch = zombie.fetch()
    assert batch is not None
    rig.send(Add(counter="a", by=100), id_="x", topic=OTHER)
    other = MemoryConsumer(rig.group, lambda: None)  # another instance, which the zombie does not know of
    other.positions = {at: place for at, place in zombie.positions.items() if at[0] == OTHER}
    await rig.loop(context_loader=Rival(rig.loop(), other, Seats(rig.claims))).handle(batch)

    entries = rig.store.entries("a")
    assert [entry["cause"].split("/")[1] for entry in entries] == ["x", "c1", "c2"]
    assert rig.totals("a") == [100, 101, 111]


async def test_a_stale_cache_is_caught_by_the_journal(rig: Rig) -> None:
    mine, loop = rig.group.join(), rig.loop()
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    rig.send(Add(counter="a", by=5))
    batch = mine.fetch()
    assert batch is not None
    rig.group.leave(mine)  # frozen past its session; its cache and its batch survive
    await drain(rig.loop(), rig.group.join())
    rig.send(Add(counter="a", by=7))
    await loop.handle(batch)
    await drain(rig.loop(), rig.group.join())
    assert rig.totals("a") == [1, 6, 13]


async def test_an_answer_on_a_stale_state_is_decided_again_on_a_fresh_one(rig: Rig) -> None:
    mine, loop = rig.group.join(), rig.loop()
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    await drain(rig.loop(), _only(rig, Add(counter="a", by=5)))
    rig.send(ReadTotal(counter="a"))
    await drain(loop, mine)
    assert rig.totals("a", counter.ANSWERS) == [6]


async def test_a_fault_on_a_stale_state_is_decided_again_on_a_fresh_one(rig: Rig) -> None:
    class Fussy(counter.CounterPolicy):
        def decide(self, state: counter.Counter, *rest: Any) -> Any:
            if state.total == 1:
                raise RuntimeError
            return super().decide(state, *rest)

    mine, loop = rig.group.join(), rig.loop(policy=Fussy())
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    await drain(rig.loop(), _only(rig, Add(counter="a", by=5)))
    rig.send(Add(counter="a"))
    await drain(loop, mine)
    assert (rig.totals("a"), rig.dead()) == ([1, 6, 7], [])


async def test_a_fault_caused_by_a_lost_race_is_no_dead_letter(rig: Rig) -> None:
    class Fussy(counter.CounterPolicy):
        def decide(self, state: counter.Counter, *rest: Any) -> Any:
            if state.total == 1:
                raise RuntimeError
            return super().decide(state, *rest)

    other = _only(rig, Add(counter="a", by=100))
    rig.send(Add(counter="a"))
    rig.send(Add(counter="a"))
    rival = Rival(rig.loop(), other, Seats(rig.claims))
    await drain(rig.loop(policy=Fussy(), context_loader=rival), rig.group.members[0])
    assert (rig.totals("a"), rig.dead()) == ([100, 101, 102], [])


async def test_a_new_assignment_during_a_batch_does_not_disturb_it(rig: Rig) -> None:
    """aiokafka may call back while a batch of buffered records is in progress."""
    rig.send(Add(counter="a"))
    loop = rig.loop()
    loop._fault = lambda step: loop.forget()
    await drain(loop, rig.group.join())
    assert rig.totals("a") == [1]


async def test_an_instance_reads_the_journal_again_after_an_assignment(rig: Rig) -> None:
    loop, consumer = rig.loop(), rig.group.join()
    rig.send(Add(counter="a"))
    await drain(loop, consumer)
    loads = rig.store.loads
    rig.send(Add(counter="a"))
    await drain(loop, consumer)
    assert rig.store.loads == loads, "cached"
    loop.forget()
    rig.send(Add(counter="a"))
    await drain(loop, consumer)
    assert rig.store.loads == loads + 1


def _only(rig: Rig, event: Body, topic: str = OTHER) -> MemoryConsumer:
    """A consumer in a group of its own that reads only this event. It represents another instance."""
    if not rig.group.members:
        rig.group.join()
    rig.send(event, topic=topic)
    consumer = type(rig.group)(rig.log, topic).join()
    for member in rig.group.members:  # the topic belongs to the other instance
        for at in list(member.positions):
            if at[0] == topic:
                del member.positions[at]
    return consumer


# What may be unpublished goes first ------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [FIRST, OTHER])
async def test_stored_but_unpublished_facts_are_published_first(rig: Rig, topic: str) -> None:
    """loop.md 4b: several inputs have no common order; after a crash, another input's event may come first."""
    rig.send(Add(counter="a", by=1), topic=topic)
    await rig.die(rig.group.join(), "stored")
    rig.send(Add(counter="a", by=10))
    consumer = rig.group.join()
    batch = consumer.fetch(order=[at for at in consumer.positions if at[0] == counter.INBOX])
    assert batch is not None
    loop = rig.loop()
    await loop.handle(batch)
    assert rig.totals("a") == [1, 11]
    await drain(loop, consumer)
    assert rig.totals("a") == [1, 11]


async def test_unpublished_facts_are_published_in_the_order_of_the_journal(rig: Rig) -> None:
    first = rig.group.join()
    rig.send(Add(counter="a", by=1), topic=OTHER)
    rig.send(Add(counter="a", by=10), topic=FIRST)
    batch = first.fetch(order=sorted(first.positions, reverse=True))
    assert batch is not None
    assert [record.topic for record in batch.records] == [OTHER, FIRST]
    rig.log.fail("publish", "before")
    await rig.loop().handle(batch)
    assert len(rig.store.entries("a")) == 2
    await drain(rig.loop(), first)  # reads FIRST before OTHER
    assert rig.totals("a") == [1, 11]


@pytest.mark.parametrize("cached", [0, 10])
async def test_committed_facts_are_not_published_again(rig: Rig, cached: int) -> None:
    loop, consumer = rig.loop(cached_streams=cached), rig.group.join()
    for _ in range(3):
        rig.send(Add(counter="a"))
        await drain(loop, consumer)
    await drain(rig.loop(), rig.group.join())
    assert [each.body["total"] for each in rig.seen()] == [1, 2, 3]
