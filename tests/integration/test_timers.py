"""Time on real servers: timers are exact to the microsecond, and Kafka reports how far a group has read."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from deploy.cluster import topics
from deploy.local.process import free_port
from deploy.local.stack import Addresses
from services.chassis import mongo
from services.chassis.engine.timers import Progress
from services.chassis.errors import TransientError
from services.chassis.kafka import KafkaOffsets
from services.chassis.ports import Stage, Timer
from services.chassis.settings import ChassisSettings
from tests.support.clock import START, HandClock


async def test_a_timer_is_stored_to_the_microsecond_and_never_fires_early(servers: Addresses) -> None:
    client, name = mongo.connect(servers.mongo, 10_000), f"timers_{uuid4().hex}"
    store = mongo.MongoStore(mongo.database(client, name))
    try:
        await store.prepare()
        await store.ping()
        for micro in (0, 1, 499, 500, 999, 123_456, 999_999):
            due_at = START + timedelta(microseconds=micro)
            timer = Timer(f"s:t{micro}:c", "s", "k", f"t{micro}", due_at)
            await store.set_timers([timer])
            for early in (timedelta(microseconds=1), timedelta(milliseconds=1)):
                assert await store.due(due_at - early, 10) == [], micro
            assert await store.due(due_at + timedelta(milliseconds=1), 10) == [timer]
            await store.drop_timers([timer.id])
    finally:
        await client.drop_database(name)
        client.close()


async def write(servers: Addresses, topic: str, *partitions: int) -> None:
    async with AIOKafkaProducer(**servers.operator.aiokafka()) as producer:
        for partition in partitions:
            await producer.send_and_wait(topic, b"v", partition=partition)


async def read(servers: Addresses, group: str, topic: str, **offsets: int) -> None:
    """Commit a group's offsets, by ``p<partition number>``."""
    async with AIOKafkaConsumer(**servers.operator.aiokafka(), group_id=group, enable_auto_commit=False) as consumer:
        at = {TopicPartition(topic, int(name[1:])): offset for name, offset in offsets.items()}
        consumer.assign(list(at))
        await consumer.commit(at)


async def test_progress_follows_a_real_group_through_gate_and_loop(servers: Addresses, offsets: KafkaOffsets) -> None:
    tag = uuid4().hex[:8]
    tenant, inbox = f"agency.{tag}.referrals", f"inbox-{tag}"
    gate = Stage(f"gate-{tag}", pattern=rf"^agency\.{tag}\.referrals$")
    loop = Stage(f"loop-{tag}", topics=[inbox])
    await topics.ensure(servers.operator, [topics.Topic(tenant, 1), topics.Topic(inbox, 2)])
    progress = Progress([gate, loop], offsets, HandClock())

    assert await progress.read_up_to() == START, "nothing was ever written"

    await write(servers, tenant, 0, 0)
    await write(servers, inbox, 1)
    assert await offsets.ends(gate) == {(tenant, 0): 2}
    assert await offsets.ends(loop) == {(inbox, 1): 1}, "a partition without records has no end"
    assert await offsets.committed(gate) == {}
    assert await progress.read_up_to() is None

    await read(servers, gate.group, tenant, p0=2)
    await write(servers, inbox, 0)  # what the gate passes on
    assert await progress.read_up_to() is None
    await read(servers, loop.group, inbox, p1=1)
    assert await progress.read_up_to() is None
    await read(servers, loop.group, inbox, p0=1)
    assert await offsets.committed(loop) == {(inbox, 0): 1, (inbox, 1): 1}
    assert await progress.read_up_to() == START


async def test_records_that_have_expired_unread_are_not_waited_for(servers: Addresses, offsets: KafkaOffsets) -> None:
    topic = f"expired-{uuid4().hex[:8]}"
    stage = Stage(f"group-{topic}", topics=[topic])
    await topics.ensure(servers.operator, [topics.Topic(topic, 1)])
    await write(servers, topic, 0, 0)
    progress = Progress([stage], offsets, HandClock())
    admin = AIOKafkaAdminClient(**servers.operator.aiokafka())
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=2)})
    finally:
        await admin.close()
    assert await progress.read_up_to() == START


async def test_concurrent_requests_share_one_connection(offsets: KafkaOffsets) -> None:
    await asyncio.gather(*(offsets.ping() for _ in range(5)))
    consumer = offsets._consumer
    await offsets.ping()
    assert offsets._consumer is consumer


async def test_an_unreachable_kafka_is_transient_and_leaves_no_connection_open(settings: ChassisSettings) -> None:
    nowhere = settings.model_copy(update={"kafka": [f"127.0.0.1:{free_port()}"]})
    offsets = KafkaOffsets(nowhere)
    for _ in range(2):
        with pytest.raises(TransientError):
            await offsets.ping()
    assert offsets._consumer is None
    await offsets.stop()
