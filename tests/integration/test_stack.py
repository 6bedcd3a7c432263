"""A stack can be killed, restarted and continued later, and a temporary one leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pymongo import MongoClient

from deploy.cluster.topics import Topic, create
from deploy.local.kafka import AccessControl
from deploy.local.process import StartError
from deploy.local.stack import Addresses, LocalStack
from deploy.run_coroutine import run


def put(servers: Addresses, text: str) -> None:
    async def send() -> None:
        async with AIOKafkaProducer(**servers.operator.aiokafka(), acks="all") as producer:
            await producer.send_and_wait("kept", text.encode())

    create(servers.operator, [Topic("kept")])
    run(send())
    with rows(servers) as client:
        client.test.kept.insert_one({"text": text})


def kept(servers: Addresses) -> tuple[list[str], list[str]]:
    async def read() -> list[str]:
        async with AIOKafkaConsumer("kept", **servers.operator.aiokafka(), auto_offset_reset="earliest") as consumer:
            [partition] = consumer.assignment()
            end = (await consumer.end_offsets([partition]))[partition]
            return [(await consumer.getone()).value.decode() for _ in range(end)]

    with rows(servers) as client:
        return run(read()), [row["text"] for row in client.test.kept.find()]


def rows(servers: Addresses) -> MongoClient[dict[str, Any]]:
    return MongoClient(servers.mongo, w="majority", journal=True)


def test_acknowledged_data_survives_a_crash_and_a_later_start(tmp_path: Path) -> None:
    with LocalStack(tmp_path, AccessControl()) as stack:
        addresses = stack.addresses
        put(addresses, "first")
        for server in (stack.kafka, stack.mongo):
            server.kill()
            assert not server.running
            server.restart()
        assert kept(addresses) == (["first"], ["first"])
        put(addresses, "second")

    with LocalStack(tmp_path, AccessControl()) as stack:
        assert stack.addresses == addresses
        assert kept(addresses) == (["first", "second"], ["first", "second"])
        with pytest.raises(StartError, match="in use"):
            LocalStack(tmp_path, AccessControl()).start()


def test_a_temporary_stack_leaves_nothing() -> None:
    with LocalStack(access_control=AccessControl()) as stack:
        assert (stack.data / "kafka.log").exists()
        pids = [stack.kafka.pid, stack.mongo.pid]
    assert not stack.data.exists()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
