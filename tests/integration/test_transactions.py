"""Organisations may write in transactions: what they abort is never read, and the markers hold nobody up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from deploy.cluster import topics
from deploy.local.stack import Addresses
from services.chassis.kafka import KafkaOffsets
from services.chassis.kafka.connection import broker
from services.chassis.kafka.following import Follower
from services.chassis.ports import Record, Stage
from services.chassis.settings import ChassisSettings

Writer = AIOKafkaProducer


@pytest.fixture
async def tenant(servers: Addresses) -> str:
    """An id that no other test has, with its topics."""
    tenant = f"tx-{uuid4().hex[:8]}"
    await topics.ensure(servers.operator, topics.agency_topics(tenant) + topics.provider_topics(tenant))
    return tenant


@pytest.fixture
async def writer(servers: Addresses, tenant: str) -> AsyncIterator[Writer]:
    async with AIOKafkaProducer(**servers.operator.aiokafka(), transactional_id=f"agency.{tenant}.office") as writer:
        yield writer


async def commit(writer: Writer, topic: str, *values: bytes) -> None:
    async with writer.transaction():
        for value in values:
            await writer.send_and_wait(topic, value, key=value)


async def abort(writer: Writer, topic: str, *values: bytes) -> None:
    await writer.begin_transaction()
    for value in values:
        await writer.send_and_wait(topic, value, key=value)
    await writer.abort_transaction()


async def settle(servers: Addresses, group: str, topic: str, records: int) -> list[bytes]:
    """Read so many records as a gate does, and commit after the last of them."""
    consumer = AIOKafkaConsumer(
        topic, **servers.operator.aiokafka(), group_id=group, auto_offset_reset="earliest",
        enable_auto_commit=False, isolation_level="read_committed",
    )  # fmt: skip
    async with consumer, asyncio.timeout(30):
        read = [await consumer.getone() for _ in range(records)]
        await consumer.commit({TopicPartition(topic, 0): read[-1].offset + 1})
    return [record.value for record in read]


async def test_what_is_aborted_is_not_read_and_markers_do_not_hold_timers_up(
    servers: Addresses, tenant: str, writer: Writer, offsets: KafkaOffsets
) -> None:
    topic, group = f"agency.{tenant}.referrals", f"gate-{tenant}"
    stage, at = Stage(group, pattern=rf"^agency\.{tenant}\.referrals$"), (topic, 0)
    await abort(writer, topic, b"never")
    ends = await offsets.ends(stage)
    assert (await offsets.committed(stage))[at] == ends[at], "it has no record"
    await commit(writer, topic, b"a", b"b")
    await abort(writer, topic, b"never", b"nor this")
    ends = await offsets.ends(stage)
    assert (await offsets.committed(stage)).get(at, 0) < ends[at], "two records are unread"
    assert await settle(servers, group, topic, 1) == [b"a"]
    assert (await offsets.committed(stage))[at] < ends[at], "one record is unread"
    assert await settle(servers, group, topic, 1) == [b"b"]
    assert (await offsets.committed(stage))[at] == ends[at]


async def test_an_open_transaction_is_beyond_the_end(
    servers: Addresses, tenant: str, writer: Writer, offsets: KafkaOffsets
) -> None:
    topic = f"agency.{tenant}.referrals"
    stage, at = Stage(f"gate-{tenant}", pattern=rf"^agency\.{tenant}\.referrals$"), (topic, 0)
    await commit(writer, topic, b"a")
    await settle(servers, stage.group, topic, 1)
    async with writer.transaction():
        await writer.send_and_wait(topic, b"open", key=b"k")
        ends = await offsets.ends(stage)
        assert (await offsets.committed(stage))[at] == ends[at]
    ends = await offsets.ends(stage)
    assert (await offsets.committed(stage))[at] < ends[at]


async def test_a_directory_that_ends_with_markers_is_read_whole(
    settings: ChassisSettings, tenant: str, writer: Writer
) -> None:
    topic, applied = f"provider.{tenant}.directory", []
    await commit(writer, topic, b"profile")
    await abort(writer, topic, b"beds")

    def apply(record: Record) -> None:
        applied.append(record.value)

    connection: Any = broker(settings)
    follower = Follower(connection, settings, rf"^provider\.{tenant}\.directory$", apply, pytest.fail)
    try:
        await connection.start()
        async with asyncio.timeout(30):
            await follower.complete()
    finally:
        await connection.stop()
    assert applied == [b"profile"]
