"""The chassis on a real Kafka and a real MongoDB: poison among good events, redelivery, crash and restart."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from contracts import topics as names
from contracts.base import Message as Body
from contracts.cloudevents import CloudEvent, encode
from deploy.cluster import access, topics
from deploy.cluster.access import AccessRule
from deploy.cluster.login import Login
from deploy.local.mongo import grant
from deploy.local.process import free_port
from deploy.local.stack import Addresses
from services.chassis import mongo
from services.chassis.clock import Clock
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.engine.loop import Loop
from services.chassis.kafka import KafkaBatch, KafkaLog, Subscription, broker
from services.chassis.ports import Record
from services.chassis.settings import ChassisSettings
from tests.support import counter
from tests.support.clock import no_pause
from tests.support.counter import COUNTED, Add, Wind
from tests.support.memory_twins import MemoryClaims, MemoryStore
from tests.support.rig import OPERATOR_PUBLIC, once, opened, seen
from tests.support.servers import login_settings


class World:
    """The servers, and what a test does with them."""

    def __init__(self, addresses: Addresses, login: Login, producer: AIOKafkaProducer) -> None:
        self.addresses = addresses
        self.producer = producer
        self.ends: dict[TopicPartition, int] = {}
        self.database = f"t{uuid4().hex[:12]}"
        self.settings = ChassisSettings(
            **login_settings(login), mongo=addresses.mongo, database=self.database, operator_key=OPERATOR_PUBLIC,
            request_timeout_ms=1500, publish_deadline=10, port=free_port(), tick=0.1, session_timeout_ms=6000,
        )  # fmt: skip

    async def send(self, event: Body, id_: str, topic: str = counter.INBOX) -> None:
        headers = encode(CloudEvent(id_, "/tests", type(event).ce_type(), Clock().now(), b""))
        key = counter.CounterPolicy().stream(event).encode()
        await self.producer.send_and_wait(topic, event.model_dump_json().encode(), key=key, headers=headers)

    async def read(self, *read: str) -> list[Record]:
        """The records on these topics since the test began."""
        async with AIOKafkaConsumer(**self.addresses.operator.aiokafka(), enable_auto_commit=False) as consumer:
            at = [place for place in self.ends if place.topic in read]
            consumer.assign(at)
            ends = await consumer.end_offsets(at)
            for place in at:
                consumer.seek(place, self.ends[place])
            raw: list[Any] = []
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                raw += [each for records in (await consumer.getmany(timeout_ms=500)).values() for each in records]
            return list(KafkaBatch(raw, consumer, Clock()).records)

    async def totals(self, *streams: str) -> dict[str, list[int]]:
        events = [each for each in once(map(seen, await self.read(COUNTED))) if "total" in each.body]
        return {name: [each.body["total"] for each in events if each.body["counter"] == name] for name in streams}

    async def until(self, condition: Any, patience: float = 30) -> None:
        async with asyncio.timeout(patience):
            while not await condition():  # noqa: ASYNC110  (other processes set no event of ours)
                await asyncio.sleep(0.1)


@pytest.fixture(scope="session")
async def login(servers: Addresses) -> Login:
    """The counter's own login, which may use only the topics that it reads and writes, as for any service."""
    if not servers.operator.user:
        return servers.operator
    me, password = counter.SERVICE, secrets.token_urlsafe(24)
    rules = [
        *(AccessRule(me, "read", "topic", topic) for topic in (counter.INBOX, counter.OTHER)),
        *(
            AccessRule(me, "write", "topic", topic)
            for topic in (counter.INBOX, COUNTED, counter.ANSWERS, names.DEAD_LETTERS)
        ),
        AccessRule(me, "read", "group", me),
        AccessRule(me, "read", "group", f"{me}.", prefix=True),
    ]
    await asyncio.to_thread(access.set_password, servers.operator, me, password)
    await asyncio.to_thread(access.apply, servers.operator, rules)
    return servers.login(me, password)


@pytest.fixture
async def world(servers: Addresses, login: Login) -> AsyncIterator[World]:
    declared = [topics.Topic(name, 2) for name in (counter.INBOX, counter.OTHER, COUNTED, counter.ANSWERS)]
    dead = [each for each in topics.internal_topics() if each.name == names.DEAD_LETTERS]
    await topics.ensure(servers.operator, declared + dead)
    async with AIOKafkaProducer(**servers.operator.aiokafka(), max_request_size=1_048_576) as producer:
        world = World(servers, login, producer)
        async with AIOKafkaConsumer(**servers.operator.aiokafka()) as consumer:
            at = [TopicPartition(each.name, n) for each in declared + dead for n in range(each.partitions)]
            world.ends = await consumer.end_offsets(at)
        yield world


@asynccontextmanager
async def running(world: World, loop: Loop[Any], connection: Any, fatal: list[str]) -> AsyncIterator[Subscription]:
    """A loop behind FastStream, in a group of this test's own, reading from where the topics ended at its start."""
    group = f"{counter.SERVICE}.{uuid4().hex[:12]}"
    await _begin(world, group)
    reading = Subscription(
        connection, world.settings, group, loop, topics=[counter.INBOX, counter.OTHER], fatal=fatal.append
    )
    await connection.start()
    try:
        yield reading
    finally:
        await connection.stop()


async def _begin(world: World, group: str) -> None:
    """Make a group read from where the topics ended when the test began."""
    login = world.addresses.operator.aiokafka()
    # With auto-commit, the consumer would at its end commit its own position: behind what the test has sent.
    async with AIOKafkaConsumer(**login, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign(list(world.ends))
        await consumer.commit(world.ends)


def counting(world: World, connection: Any, **options: Any) -> Loop[counter.Counter]:
    log = KafkaLog(connection, world.settings.publish_deadline)
    claims = MemoryClaims()
    return Loop(
        counter.SERVICE, counter.CounterPolicy(), log=log, store=options.pop("store", None) or MemoryStore(),
        claims=claims, clock=Clock(), dead_letters=DeadLetters(counter.SERVICE, log, OPERATOR_PUBLIC),
        context_loader=counter.Seats(claims), sleep=no_pause, **options,
    )  # fmt: skip


async def test_only_the_poison_of_a_batch_is_set_aside(world: World) -> None:
    kind = Add.ce_type().encode()
    whole = [("ce_id", b"i"), ("ce_source", b"s"), ("ce_type", kind), ("ce_specversion", b"1.0")]
    poison: list[tuple[bytes | None, list[tuple[str, Any]]]] = [
        (b"{}", [("ce_id", b"\xff\xfe")]),
        (b"{}", [("ce_id", None)]),
        (b"{broken", whole),
        (os.urandom(200), [(os.urandom(4).hex(), os.urandom(50))]),
        (None, whole),
        (os.urandom(900_000), []),
    ]
    for n, (value, headers) in enumerate(poison):
        await world.send(Add(counter="a"), f"good-a{n}")
        await world.producer.send_and_wait(counter.INBOX, value, key=b"a", headers=headers)
        await world.send(Add(counter="b"), f"good-b{n}")
    connection, fatal = broker(world.settings), list[str]()
    async with running(world, counting(world, connection), connection, fatal):

        async def all_there() -> bool:
            return len(await world.read(names.DEAD_LETTERS)) >= len(poison)

        await world.until(all_there)
    assert await world.totals("a", "b") == {"a": [1, 2, 3, 4, 5, 6], "b": [1, 2, 3, 4, 5, 6]}
    dead_letters = await world.read(names.DEAD_LETTERS)
    assert len(dead_letters) == len(poison)
    sizes = sorted(len(opened(each)["value"] or "") for each in dead_letters)
    assert sizes[-1] == 1_200_000, "whole, however large"
    assert fatal == []


NAMELESS = """
import asyncio, json, sys
from aiokafka import AIOKafkaProducer

class Odd(str):
    def encode(self, *_):
        return b"\\xff\\xfe"

async def main():
    topic, compression = sys.argv[1:]
    login = json.loads(sys.stdin.readline())
    async with AIOKafkaProducer(**login, compression_type=compression or None, linger_ms=200) as p:
        done = [await p.send(topic, b"odd", key=b"a", headers=[(Odd("x"), b"1"), ("y", b"2")]) for _ in range(2)]
        done.append(await p.send(topic, b"plain", key=b"a", headers=[("y", b"2")]))
        await asyncio.gather(*done)

asyncio.run(main())
"""
"""A producer whose header names are not UTF-8. Only aiokafka's pure Python implementation can be made to send them."""


@pytest.mark.parametrize("compression", ["", "gzip", "lz4", "snappy"])
async def test_a_header_name_that_is_not_utf_8_stops_no_other_event(world: World, compression: str) -> None:
    await world.send(Add(counter="a"), "before")
    producer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NAMELESS, counter.INBOX, compression,
        env={**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"}, stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await producer.communicate(orjson.dumps(world.addresses.operator.aiokafka()))
    assert producer.returncode == 0
    await world.send(Add(counter="a"), "after")
    connection, fatal = broker(world.settings), list[str]()
    async with running(world, counting(world, connection), connection, fatal):

        async def both() -> bool:
            return len(await world.read(names.DEAD_LETTERS)) >= 3 and len((await world.totals("a"))["a"]) == 2

        await world.until(both)
    headers = [opened(each)["headers"] for each in await world.read(names.DEAD_LETTERS)]
    assert headers == [[["\\xff\\xfe", "MQ=="], ["y", "Mg=="]]] * 2 + [[["y", "Mg=="]]]
    assert fatal == []


async def test_a_failed_batch_is_retried_and_nothing_is_lost_or_doubled(world: World) -> None:
    store = MemoryStore()
    store.fail("append", "before", "after", "midway")
    for n in range(5):
        await world.send(Add(counter="a"), f"a{n}")
        await world.send(Add(counter="b"), f"b{n}", counter.OTHER)
    connection, fatal = broker(world.settings), list[str]()
    async with running(world, counting(world, connection, store=store), connection, fatal) as reading:

        async def settled() -> bool:
            return sum(map(len, (await world.totals("a", "b")).values())) == 10

        await world.until(settled)
        await world.until(lambda: _done(reading))
    assert await world.totals("a", "b") == {"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 4, 5]}
    assert len(store.entries("a")) == 5
    assert fatal == []


async def _done(reading: Subscription) -> bool:
    return all([await reading.consumer.committed(at) in (await reading.consumer.position(at), None)
                for at in reading.consumer.assignment()])  # fmt: skip


async def test_an_event_for_a_missing_topic_is_returned_while_others_go_on(world: World) -> None:
    gone = f"provider.{uuid4().hex}.notifications"
    if world.addresses.operator.user:
        await asyncio.to_thread(access.apply, world.addresses.operator, [AccessRule("counter", "write", "topic", gone)])
    for n in range(8):
        await world.send(Add(counter="a", to=gone), f"a{n}")
    await world.send(Add(counter="b"), "b")
    connection, fatal, store = broker(world.settings), list[str](), MemoryStore()
    async with running(world, counting(world, connection, store=store), connection, fatal):

        async def notified() -> bool:
            bounced = [e for e in store.entries("a") if e["facts"][0]["type"] == counter.Bounced.ce_type()]
            return len(bounced) == 8

        await world.until(notified)
    assert await world.totals("b") == {"b": [1]}
    assert fatal == []


# As a process -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def toy(world: World) -> AsyncIterator[asyncio.subprocess.Process]:
    read = world.settings.model_dump(mode="json")
    environment = {f"REFERRALS_{name.upper()}": _text(value) for name, value in read.items()}
    if world.addresses.operator.user:
        database = f"{world.database}_{counter.SERVICE}"
        user = await asyncio.to_thread(grant, world.addresses.mongo, database, secrets.token_hex(24))
        environment["REFERRALS_MONGO"] = user
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.counter_process",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    output = asyncio.create_task(process.stdout.read())  # type: ignore[union-attr]
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        world.output = await output  # type: ignore[attr-defined]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def test_a_service_that_is_killed_and_restarted_has_lost_nothing(world: World) -> None:
    await _begin(world, counter.SERVICE)

    async def count() -> int:
        return len((await world.totals("a"))["a"])

    sending = [world.send(Add(counter="a"), f"a{n}") for n in range(200)]
    for each in sending[:100]:
        await each
    async with toy(world) as process:
        await world.until(lambda: _at_least(count, 1))
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    for each in sending[100:]:
        await each
    await world.send(Wind(counter="a", minutes=0), "wind")
    async with toy(world) as process:
        await world.until(lambda: _at_least(count, 200))

        async def rang() -> bool:
            return any(seen(each).type == counter.Rang.ce_type() for each in await world.read(COUNTED))

        await world.until(rang)
        os.kill(process.pid, signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) in (0, -signal.SIGTERM), "uvicorn passes the signal on"
    assert await world.totals("a") == {"a": list(range(1, 201))}
    lines = [orjson.loads(line) for line in world.output.splitlines()]  # type: ignore[attr-defined]
    assert {line["event"] for line in lines} >= {"started", "handled", "batch", "stopped"}
    client = mongo.connect(world.settings.mongo, 5000)
    await client.drop_database(f"{world.database}_counter")
    client.close()


async def _at_least(count: Any, number: int) -> bool:
    return await count() >= number
