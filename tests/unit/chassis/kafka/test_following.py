"""A follower knows when it has read all that was there, whatever Kafka does meanwhile. The consumer is a fake."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.structs import TopicPartition
from structlog.testing import capture_logs

from services.chassis.kafka import following
from services.chassis.kafka.following import Follower
from tests.support.clock import START

AT = TopicPartition("referrals.tenants", 0)


class Consumer:
    """Each request raises the next of `faults`, or succeeds if that is None."""

    def __init__(self, *faults: Exception | None) -> None:
        self._faults = list(faults)

    def _request(self) -> None:
        if self._faults and (fault := self._faults.pop(0)) is not None:
            raise fault

    async def topics(self) -> set[str]:
        self._request()
        return {AT.topic, "other"}

    def partitions_for_topic(self, name: str) -> set[int]:
        return {0}

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        self._request()
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        self._request()
        return dict.fromkeys(partitions, 1)


def follower(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> Follower:
    monkeypatch.setattr(following, "_RETRY_PAUSE", 0.0)
    monkeypatch.setattr(following, "following", lambda settings: {})
    subscriber: Any = SimpleNamespace(running=True, consumer=consumer)
    broker: Any = SimpleNamespace(subscriber=lambda **_: lambda *__: None)
    clock: Any = SimpleNamespace(at=lambda _: START)
    made = Follower(broker, SimpleNamespace(clock=clock), "^referrals.tenants$", lambda _: None, pytest.fail)  # type: ignore[arg-type]
    made._subscriber = subscriber
    return made


@pytest.mark.parametrize(
    "faults",
    [
        (),
        (KafkaError(),),
        (None, KafkaConnectionError()),
        (KafkaConnectionError(), KafkaError(), None, None, KafkaError()),
    ],
)
async def test_kafka_may_be_unavailable_while_the_ends_are_requested(
    faults: tuple[Exception | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = follower(Consumer(*faults), monkeypatch)
    read = SimpleNamespace(topic=AT.topic, partition=0, offset=0, key=b"k", value=b"v", headers=[], timestamp=0)
    await one._receive(SimpleNamespace(raw_message=(read,)))  # type: ignore[arg-type]
    assert not one.completed
    with capture_logs() as lines:
        await one.complete()
    assert one.completed
    assert [each["event"] for each in lines] == ["waiting_for_servers"] * sum(each is not None for each in faults)
