"""A batch over a stand-in for aiokafka's consumer: where a nack rewinds to, what a commit covers, who must forget."""

import asyncio
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.clock import Clock
from services.chassis.errors import TransientError
from services.chassis.kafka.consuming import KafkaBatch, Listener
from services.chassis.ports import Batch


class Raw(NamedTuple):
    """What aiokafka returns for a record, as far as a batch reads it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: tuple[Any, ...] = ()
    timestamp: int = 1_770_000_000_000


class Consumer:
    """The part of aiokafka's consumer that a batch uses."""

    def __init__(self, *assigned: TopicPartition) -> None:
        self.assigned = set(assigned)
        self.positions: dict[TopicPartition, int] = {}
        self.offsets: dict[TopicPartition, int] = {}
        self.error: Exception | None = None

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def seek(self, at: TopicPartition, offset: int) -> None:
        assert at in self.assigned, "aiokafka raises IllegalStateError"
        self.positions[at] = offset

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.error is not None:
            raise self.error
        assert offsets.keys() <= self.assigned
        self.offsets |= offsets

    async def committed(self, at: TopicPartition) -> int | None:
        if self.error is not None:
            raise self.error
        return self.offsets.get(at)


A, B = TopicPartition("a", 0), TopicPartition("a", 1)
fetches = st.dictionaries(
    st.sampled_from([A, B, TopicPartition("b", 0)]),
    st.tuples(st.integers(0, 50), st.integers(1, 5)),
    min_size=1,
)
"""By partition: the first offset and the number of records of one fetch."""


def batch(consumer: Consumer, *records: Raw) -> KafkaBatch:
    return KafkaBatch(records, consumer, Clock())


def records(fetch: dict[TopicPartition, tuple[int, int]]) -> list[Raw]:
    return [Raw(at.topic, at.partition, first + n) for at, (first, count) in fetch.items() for n in range(count)]


@given(fetches, st.sets(st.sampled_from([A, B])))
def test_a_nack_rewinds_each_partition_that_is_still_ours_to_its_first_record(
    fetch: dict[TopicPartition, tuple[int, int]], lost: set[TopicPartition]
) -> None:
    consumer = Consumer(*(fetch.keys() - lost))
    asyncio.run(batch(consumer, *records(fetch)).nack())
    assert consumer.positions == {at: first for at, (first, _) in fetch.items() if at not in lost}


@given(fetches, st.sets(st.sampled_from([A, B])))
def test_a_commit_covers_the_last_record_of_each_partition_that_is_still_ours(
    fetch: dict[TopicPartition, tuple[int, int]], lost: set[TopicPartition]
) -> None:
    consumer = Consumer(*(fetch.keys() - lost))
    committed = asyncio.run(batch(consumer, *records(fetch)).commit())
    ends = {at: first + count for at, (first, count) in fetch.items() if at not in lost}
    assert consumer.offsets == ends
    assert committed == {(at.topic, at.partition): end for at, end in ends.items()}


@pytest.mark.parametrize("error", [CommitFailedError(), IllegalStateError()])
async def test_a_commit_of_partitions_that_moved_meanwhile_commits_nothing_and_is_no_failure(error: Exception) -> None:
    consumer = Consumer(A)
    consumer.error = error
    assert await batch(consumer, Raw("a", 0, 1)).commit() == {}


async def test_a_failing_kafka_is_a_failure_to_retry() -> None:
    consumer = Consumer(A)
    consumer.error = KafkaConnectionError()
    for call in (batch(consumer, Raw("a", 0, 1)).commit, batch(consumer, Raw("a", 0, 1)).committed):
        with pytest.raises(TransientError):
            await call()


async def test_the_committed_offset_of_a_partition_without_any_is_0() -> None:
    consumer = Consumer(A, B)
    consumer.offsets = {B: 7}
    assert await batch(consumer, Raw("a", 0, 1)).committed() == {("a", 0): 0, ("a", 1): 7}


# rebalances -----------------------------------------------------------------------------------------------------------


class Handler:
    """Counts how often it was made to forget."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.forgot = 0

    async def handle(self, batch: Batch) -> None: ...

    def forget(self) -> None:
        self.forgot += 1


class Coordinator:
    """aiokafka's group coordinator, as far as a static return needs it."""

    _group_subscription: object = ()
    member_id = "m"


async def test_every_assignment_makes_the_handler_forget() -> None:
    handler = Handler()
    listener = Listener(handler, Coordinator)
    assert not listener.assigned.is_set()
    for times in (1, 2):
        await listener.on_partitions_assigned({A})
        assert handler.forgot == times
    assert listener.assigned.is_set()


async def test_a_revocation_waits_for_the_batch_in_progress() -> None:
    handler = Handler()
    revoking = asyncio.create_task(Listener(handler, Coordinator).on_partitions_revoked({A}))
    await asyncio.sleep(0.01)
    assert not revoking.done()
    handler.idle.set()
    async with asyncio.timeout(10):
        await revoking
