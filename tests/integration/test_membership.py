"""A reader that returns to its group reads the topics created while it was away, and later ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.cluster import topics
from deploy.local.stack import Addresses
from services.chassis.kafka import Subscription, broker
from services.chassis.ports import Batch
from services.chassis.settings import ChassisSettings
from tests.support.rig import OPERATOR_PUBLIC
from tests.support.servers import login_settings


class TopicRecorder:
    """A handler that records which topics it has read."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self.seen: set[str] = set()

    async def handle(self, batch: Batch) -> None:
        self.seen |= {record.topic for record in batch.records}
        await batch.commit()

    def forget(self) -> None:
        """Do nothing: there is no cache."""

    async def until(self, topic: str) -> None:
        async with asyncio.timeout(15):
            while topic not in self.seen:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


class Group:
    """A consumer group and topics of this test's own."""

    def __init__(self, servers: Addresses) -> None:
        self._servers, self._name = servers, f"m{uuid4().hex[:12]}"

    async def write(self, topic: str) -> str:
        """Write one record to a topic, created if needed. Returns the topic's full name."""
        name = f"{self._name}.{topic}"
        await topics.ensure(self._servers.operator, [topics.Topic(name, 1)])
        async with AIOKafkaProducer(**self._servers.operator.aiokafka()) as producer:
            await producer.send_and_wait(name, b"{}")
        return name

    async def delete(self, name: str) -> None:
        """Delete a topic, and wait until it no longer exists."""
        admin = AIOKafkaAdminClient(**self._servers.operator.aiokafka())
        await admin.start()
        await admin.delete_topics([name])
        async with asyncio.timeout(15):
            while name in await admin.list_topics():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await admin.close()

    @asynccontextmanager
    async def reader(self, instance: str = "1", *fixed: str) -> AsyncIterator[TopicRecorder]:
        """One instance that reads by pattern, or fixed topics. It leaves like a static member, without notice."""
        settings = ChassisSettings(
            **login_settings(self._servers.operator), mongo=self._servers.mongo, operator_key=OPERATOR_PUBLIC,
            instance=instance, metadata_max_age_ms=500, session_timeout_ms=6000,
        )  # fmt: skip
        connection, handler, fatal = broker(settings), TopicRecorder(), []
        topics_or_pattern: dict[str, Any] = {"topics": fixed} if fixed else {"pattern": rf"{self._name}\..*"}
        Subscription(connection, settings, self._name, handler, **topics_or_pattern, fatal=fatal.append)
        await connection.start()
        try:
            yield handler
        finally:
            await connection.stop()
        assert fatal == []


@pytest.fixture
def group(servers: Addresses) -> Group:
    return Group(servers)


async def test_a_topic_created_while_the_only_reader_was_away_is_read(group: Group) -> None:
    before = await group.write("before")
    async with group.reader() as reader:
        await reader.until(before)
    meanwhile = await group.write("meanwhile")
    async with group.reader() as reader:
        await reader.until(meanwhile)


async def test_a_topic_created_after_the_only_reader_returned_is_read(group: Group) -> None:
    before = await group.write("before")
    async with group.reader() as reader:
        await reader.until(before)
    async with group.reader() as reader:
        await asyncio.sleep(1)
        await reader.until(await group.write("after"))


async def test_a_reader_starts_even_if_a_topic_was_deleted_while_it_was_away(
    group: Group,
) -> None:
    gone, stays = await group.write("gone"), await group.write("stays")
    async with group.reader() as reader:
        await reader.until(gone)
    await group.delete(gone)
    async with group.reader() as reader:
        await group.write("stays")
        await reader.until(stays)


async def test_a_reader_that_returns_reads_the_topics_it_subscribes_to_now(group: Group) -> None:
    dropped, kept, added = [await group.write(name) for name in ("dropped", "kept", "added")]
    async with group.reader("1", dropped, kept) as reader:
        await reader.until(dropped)
        await reader.until(kept)
    for name in ("dropped", "kept", "added"):
        await group.write(name)
    async with group.reader("1", kept, added) as reader:
        await reader.until(kept)
        await reader.until(added)
        assert dropped not in reader.seen


async def test_both_readers_go_on_and_read_new_topics_after_the_leader_returns(group: Group) -> None:
    before = await group.write("before")
    async with group.reader("1") as leader:
        await leader.until(before)
        async with group.reader("2") as other:
            await asyncio.sleep(1)
            await leader.until(before)
        async with group.reader("2") as other:  # returns while the leader is there: nothing changes for the leader
            await asyncio.sleep(1)
    async with group.reader("1") as leader, group.reader("2") as other:
        for topic in ("one", "two", "three", "four"):
            name = await group.write(topic)
            async with asyncio.timeout(15):
                while name not in leader.seen | other.seen:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        assert leader.seen & other.seen <= {before}
