"""What the writing side makes of topics that the client does not know."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis.errors import Transient
from services.chassis.kafka import KafkaLog, producing
from services.chassis.ports import Message


class Client:
    """aiokafka's, as far as it is asked. `answers` says whether Kafka answers, `there` which topics it knows."""

    def __init__(self) -> None:
        self.answers, self.there, self.asked = True, {"here"}, 0
        self.known: set[str] = set()
        self.wanted: set[str] = set()
        self.cluster = SimpleNamespace(partitions_for_topic=self._partitions, unauthorized_topics={"closed"})

    def _partitions(self, topic: str) -> set[int] | None:
        return {0} if topic in self.known else None

    def add_topic(self, topic: str) -> None:
        self.wanted.add(topic)

    async def force_metadata_update(self) -> bool:
        self.asked += 1
        if self.answers:
            self.known = self.there & self.wanted
        return self.answers


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def log(client: Client, monkeypatch: pytest.MonkeyPatch) -> KafkaLog:
    async def send(*_: Any, **__: Any) -> "asyncio.Future[None]":
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent

    monkeypatch.setattr(producing, "_NEW_TOPIC", 0.2)
    producer = SimpleNamespace(client=client, send=send)
    inner = SimpleNamespace(producer=SimpleNamespace(_producer=SimpleNamespace(producer=producer)))
    return KafkaLog(SimpleNamespace(config=inner), 1.0)  # type: ignore[arg-type]


def to(*topics: str) -> list[Message]:
    return [Message(topic, b"k", b"v", []) for topic in topics]


async def test_a_topic_that_kafka_does_not_know_is_missing_and_the_rest_is_written(log: KafkaLog) -> None:
    assert await log.publish(to("here", "gone", "closed")) == {1: "topic-missing", 2: "not-authorised"}


async def test_while_kafka_does_not_answer_no_topic_is_missing(log: KafkaLog, client: Client) -> None:
    client.answers = False
    with pytest.raises(Transient):
        await log.publish(to("here"))


async def test_a_missing_topic_is_waited_for_once_and_written_to_when_it_is_there(
    log: KafkaLog, client: Client
) -> None:
    await log.publish(to("gone"))
    asked = client.asked
    assert await log.publish(to("gone")) == {0: "topic-missing"}
    assert client.asked == asked + 1
    client.there.add("gone")
    assert await log.publish(to("gone")) == {}
