"""The Log port and its batches, over the memory twin and Kafka."""

import asyncio
import os
from time import monotonic
from uuid import uuid4

import pytest

from services.chassis.ports import Batch, OutgoingRecord

from .conftest import DEADLINE, Member, Ports


def name() -> str:
    return f"conformance.{uuid4().hex}"


def messages(topic: str, *values: str, key: str = "k") -> list[OutgoingRecord]:
    return [
        OutgoingRecord(topic, key.encode(), value.encode(), [("h", b"\xff"), ("i", value.encode())]) for value in values
    ]


async def fetched(member: Member, count: int) -> list[Batch]:
    batches: list[Batch] = []
    while sum(len(batch.records) for batch in batches) < count:
        batch = await member.fetch()
        assert batch is not None, "no (more) records arrived"
        batches.append(batch)
    return batches


def values(batches: list[Batch]) -> list[str]:
    return [(record.value or b"").decode() for batch in batches for record in batch.records]


async def test_published_records_are_read_unchanged_in_the_order_of_each_key(ports: Ports) -> None:
    topic = await ports.create(name(), partitions=4)
    keys = [f"k{n}" for n in range(8)]
    sent = [
        OutgoingRecord(topic, key.encode(), f"{key}-{n}".encode(), [("h", b"\xff")]) for n in range(20) for key in keys
    ]
    assert await ports.log.publish(sent) == {}
    records = await ports.read(topic)
    assert len(records) == 160
    for key in keys:
        mine = [record for record in records if record.key == key.encode()]
        assert len({record.partition for record in mine}) == 1
        assert [record.value for record in mine] == [f"{key}-{n}".encode() for n in range(20)]
        assert all(list(record.headers) == [("h", b"\xff")] for record in mine)
    assert len({record.partition for record in records}) > 1
    assert all(record.appended.tzinfo is not None for record in records)
    for number in range(4):
        offsets = [record.offset for record in records if record.partition == number]
        assert offsets == list(range(len(offsets)))


async def test_a_key_has_the_same_partition_number_on_all_topics(ports: Ports) -> None:
    first, second = await ports.create(name(), 4), await ports.create(name(), 4)
    for topic in (first, second):
        await ports.log.publish([OutgoingRecord(topic, f"k{n}".encode(), b"", []) for n in range(20)])
    placed = [{record.key: record.partition for record in await ports.read(topic)} for topic in (first, second)]
    assert placed[0] == placed[1]


async def test_publishing_nothing_does_nothing(ports: Ports) -> None:
    assert await ports.log.publish([]) == {}


async def test_what_can_never_be_written_is_returned_and_the_rest_is_written(ports: Ports) -> None:
    topic, missing = await ports.create(name()), name()
    sent = [
        *messages(topic, "a"),
        *messages(missing, "b", "c"),
        *messages(topic, "d"),
        OutgoingRecord(topic, b"k", os.urandom(1_500_000), []),  # random, since compressed it would fit
        *messages(topic, "e"),
    ]
    assert await ports.log.publish(sent) == {1: "topic-missing", 2: "topic-missing", 4: "too-large"}
    assert [record.value for record in await ports.read(topic)] == [b"a", b"d", b"e"]


async def test_many_missing_topics_do_not_delay_the_rest(ports: Ports) -> None:
    """Each is noticed only after some time: one by one, they would take longer than the deadline."""
    topic = await ports.create(name())
    sent = [message for _ in range(6) for message in messages(name(), "lost", "lost")] + messages(topic, "a")
    started = monotonic()
    refused = await ports.log.publish(sent)
    assert monotonic() - started < DEADLINE
    assert refused == dict.fromkeys(range(12), "topic-missing")
    assert [record.value for record in await ports.read(topic)] == [b"a"]


async def test_committed_records_are_not_delivered_to_the_next_member(ports: Ports) -> None:
    topic, group = await ports.create(name()), name()
    await ports.log.publish(messages(topic, "1", "2"))
    member = await ports.join(group, topic)
    batches = await fetched(member, 2)
    assert await batches[0].committed() == {(topic, 0): 0}
    assert await batches[-1].commit() == {(topic, 0): 2}
    assert await batches[-1].committed() == {(topic, 0): 2}
    await member.leave()
    await ports.log.publish(messages(topic, "3"))
    assert values(await fetched(await ports.join(group, topic), 1)) == ["3"]


async def test_uncommitted_records_are_delivered_to_the_next_member(ports: Ports) -> None:
    topic, group = await ports.create(name()), name()
    await ports.log.publish(messages(topic, "1", "2"))
    member = await ports.join(group, topic)
    await fetched(member, 2)
    await member.leave()
    assert values(await fetched(await ports.join(group, topic), 2)) == ["1", "2"]


async def test_after_a_nack_the_batch_is_delivered_again_from_every_partition(ports: Ports) -> None:
    topic, group = await ports.create(name(), 2), name()
    for key in ("a", "b", "c", "d"):
        await ports.log.publish(messages(topic, f"{key}1", f"{key}2", key=key))
    member = await ports.join(group, topic)
    first = await fetched(member, 8)
    assert len({record.partition for batch in first for record in batch.records}) == 2
    for batch in reversed(first):
        await batch.nack()
    again = await fetched(member, 8)
    assert sorted(values(again)) == sorted(values(first))
    assert [r.value for b in again for r in b.records if r.key == b"a"] == [b"a1", b"a2"]


async def test_without_commit_or_nack_the_next_records_are_read(ports: Ports) -> None:
    """So a batch that failed must be rewound, or the next commit would skip it."""
    topic, group = await ports.create(name()), name()
    await ports.log.publish(messages(topic, "1"))
    member = await ports.join(group, topic)
    await fetched(member, 1)
    await ports.log.publish(messages(topic, "2"))
    assert values(await fetched(member, 1)) == ["2"]


async def test_two_members_share_the_partitions_and_commit_only_their_own(ports: Ports) -> None:
    topic, group = await ports.create(name(), 2), name()
    for key in ("a", "b", "c", "d"):
        await ports.log.publish(messages(topic, key, key=key))
    first = await ports.join(group, topic)
    [batch, *more] = await fetched(first, 4)
    assert not more, "one fetch returned all records"
    second, _ = await asyncio.gather(ports.join(group, topic), first.fetch(10))
    await asyncio.gather(first.fetch(5), second.fetch(5))  # both take part in the rebalance
    ours = await batch.committed()
    assert len(ours) == 1
    committed = await batch.commit()
    assert committed.keys() == ours.keys()


@pytest.mark.parametrize("value", [b"", b"\x00", b"x" * 100_000])
async def test_a_value_may_be_any_bytes(ports: Ports, value: bytes) -> None:
    topic = await ports.create(name())
    assert await ports.log.publish([OutgoingRecord(topic, b"", value, [])]) == {}
    assert [record.value for record in await ports.read(topic)] == [value]
