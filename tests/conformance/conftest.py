"""The ports in two forms: in memory, and as Kafka and MongoDB. Every test runs over both."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from deploy.cluster import topics
from deploy.local.stack import Addresses
from services.chassis import mongo
from services.chassis.clock import Clock
from services.chassis.kafka import KafkaBatch, KafkaLog, broker
from services.chassis.ports import Batch, Claims, Log, Record, Store
from services.chassis.settings import ChassisSettings
from tests.support.clock import HandClock
from tests.support.memory_twins import MemoryClaims, MemoryGroup, MemoryLog, MemoryStore
from tests.support.rig import OPERATOR_PUBLIC
from tests.support.servers import login_settings

DEADLINE = 6.0
REQUEST_TIMEOUT_MS = 1500


@dataclass
class Member:
    """One instance in a consumer group."""

    fetch: Callable[..., Any]
    """Returns the next batch, or None after `patience` times 0.1 s."""
    leave: Callable[[], Any]


class Twins:
    """The ports in memory."""

    def __init__(self) -> None:
        self._memory = MemoryLog(HandClock().now)
        self.log: Log = self._memory
        self.store: Store = MemoryStore()
        self.claims: Claims = MemoryClaims()
        self._groups: dict[tuple[str, ...], MemoryGroup] = {}

    async def create(self, name: str, partitions: int = 1) -> str:
        self._memory.create(name, partitions=partitions)
        return name

    async def read(self, topic: str) -> list[Record]:
        return self._memory.read(topic)

    async def join(self, group: str, *names: str) -> Member:
        members = self._groups.setdefault((group, *names), MemoryGroup(self._memory, *names))
        consumer = members.join()

        async def fetch(patience: int = 0) -> Batch | None:
            return consumer.fetch()

        async def leave() -> None:
            members.leave(consumer)

        return Member(fetch, leave)


class Servers:
    """The ports as Kafka and MongoDB."""

    def __init__(self, addresses: Addresses, stack: AsyncExitStack, log: Log, database: Any) -> None:
        self._addresses, self._stack = addresses, stack
        self.log = log
        self.store: Store = mongo.MongoStore(database)
        self.claims: Claims = mongo.MongoClaims(database)

    async def create(self, name: str, partitions: int = 1) -> str:
        await topics.ensure(self._addresses.operator, [topics.Topic(name, partitions)])
        return name

    async def read(self, topic: str) -> list[Record]:
        async with AIOKafkaConsumer(**self._addresses.operator.aiokafka(), enable_auto_commit=False) as consumer:
            await consumer._client.set_topics([topic])
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(partitions)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(partitions)
            raw: list[Any] = []
            while any([await consumer.position(at) < end for at, end in ends.items()]):
                raw += [each for records in (await consumer.getmany(timeout_ms=1000)).values() for each in records]
            raw.sort(key=lambda each: (each.partition, each.offset))
            return list(KafkaBatch(raw, consumer, Clock()).records)

    async def join(self, group: str, *names: str) -> Member:
        consumer = AIOKafkaConsumer(
            *names,
            **self._addresses.operator.aiokafka(),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            heartbeat_interval_ms=200,
        )
        await consumer.start()
        self._stack.push_async_callback(consumer.stop)

        async def fetch(patience: int = 50) -> Batch | None:
            for _ in range(patience):
                fetched = await consumer.getmany(timeout_ms=100, max_records=2000)
                raw: Sequence[Any] = [record for records in fetched.values() for record in records]
                if raw:
                    return KafkaBatch(raw, consumer, Clock())
            return None

        return Member(fetch, consumer.stop)


Ports = Twins | Servers


@pytest.fixture(params=["memory", "servers"])
async def ports(request: pytest.FixtureRequest) -> AsyncIterator[Ports]:
    if request.param == "memory":
        yield Twins()
        return
    addresses: Addresses = request.getfixturevalue("servers")
    settings = ChassisSettings(
        **login_settings(addresses.operator),
        mongo=addresses.mongo,
        operator_key=OPERATOR_PUBLIC,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        publish_deadline=DEADLINE,
    )
    client = mongo.connect(settings.mongo, settings.mongo_timeout_ms)
    name = f"conformance_{uuid4().hex}"
    async with AsyncExitStack() as stack:
        connection = broker(settings)
        await connection.start()
        stack.push_async_callback(connection.stop)
        ports = Servers(addresses, stack, KafkaLog(connection, settings.publish_deadline), mongo.database(client, name))
        await ports.store.prepare()  # type: ignore[attr-defined]
        yield ports
        await client.drop_database(name)
    client.close()
    await asyncio.sleep(0)
