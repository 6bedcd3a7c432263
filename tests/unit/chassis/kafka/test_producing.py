"""How the writing side treats topics that the client does not know, and batches."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, OutOfOrderSequenceNumber, UnknownTopicOrPartitionError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBase
from aiokafka.record.memory_records import MemoryRecords

from contracts import topics
from services.chassis.errors import FatalError, TransientError
from services.chassis.kafka import KafkaLog, producing
from services.chassis.ports import OutgoingRecord


class Client:
    """aiokafka's client, as far as it is used. `responds`: whether Kafka responds; `existing`: the topics it has."""

    def __init__(self) -> None:
        self.responds, self.existing, self.requests = True, {"here"}, 0
        self.known: set[str] = set()
        self.wanted: set[str] = set()
        self.cluster = SimpleNamespace(partitions_for_topic=self._partitions, unauthorized_topics={"closed"})

    def _partitions(self, topic: str) -> set[int] | None:
        return {0} if topic in self.known else None

    def add_topic(self, topic: str) -> None:
        self.wanted.add(topic)

    async def force_metadata_update(self) -> bool:
        self.requests += 1
        if self.responds:
            self.known = self.existing & self.wanted
        return self.responds


class Builder:
    """aiokafka's batch builder, with room for two."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, value: bytes, **_: Any) -> object:
        if len(self.values) == 2:
            return None
        self.values.append(value)
        return object()


class Producer:
    """aiokafka's producer, as far as it is used. `failing`: the error of a batch with this value."""

    def __init__(self, client: Client) -> None:
        self.client, self.create_batch = client, Builder
        self.written: list[list[bytes]] = []
        self.failing: dict[bytes, Exception] = {}

    async def send_batch(self, batch: Builder, topic: str, *, partition: int) -> "asyncio.Future[None]":
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        faults = [self.failing[value] for value in batch.values if value in self.failing]
        if faults:
            sent.set_exception(faults[0])
        else:
            self.written.append(batch.values)
            sent.set_result(None)
        return sent


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def producer(client: Client) -> Producer:
    return Producer(client)


@pytest.fixture
def log(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> KafkaLog:
    monkeypatch.setattr(producing, "_NEW_TOPIC", 0.2)
    inner = SimpleNamespace(producer=SimpleNamespace(_producer=SimpleNamespace(producer=producer)))
    return KafkaLog(SimpleNamespace(config=inner), 1.0)  # type: ignore[arg-type]


def to(*topics: str) -> list[OutgoingRecord]:
    return [OutgoingRecord(topic, b"k", b"v", []) for topic in topics]


async def test_a_topic_unknown_to_kafka_is_missing_and_the_rest_is_written(log: KafkaLog) -> None:
    assert await log.publish(to("here", "gone", "closed")) == {1: "topic-missing", 2: "not-authorised"}


async def test_no_topic_is_missing_while_kafka_does_not_respond(log: KafkaLog, client: Client) -> None:
    client.responds = False
    with pytest.raises(TransientError):
        await log.publish(to("here"))


async def test_a_missing_topic_is_waited_for_once_and_written_to_when_it_exists(log: KafkaLog, client: Client) -> None:
    await log.publish(to("gone"))
    requests = client.requests
    assert await log.publish(to("gone")) == {0: "topic-missing"}
    assert client.requests == requests + 1
    client.existing.add("gone")
    assert await log.publish(to("gone")) == {}


async def test_what_does_not_fit_into_one_batch_goes_into_the_next_in_order(log: KafkaLog, producer: Producer) -> None:
    values = [b"1", b"2", b"3", b"4", b"5"]
    assert await log.publish([OutgoingRecord("here", b"k", value, []) for value in values]) == {}
    assert producer.written == [[b"1", b"2"], [b"3", b"4"], [b"5"]]


async def test_a_batch_that_can_never_be_written_is_refused_and_no_other(log: KafkaLog, producer: Producer) -> None:
    producer.failing[b"2"] = UnknownTopicOrPartitionError()
    sent = [OutgoingRecord("here", b"k", value, []) for value in (b"1", b"2", b"3")]
    assert await log.publish(sent) == {0: "topic-missing", 1: "topic-missing"}
    assert producer.written == [[b"3"]]


@pytest.mark.parametrize(
    ("fault", "raised"), [(KafkaTimeoutError(), TransientError), (OutOfOrderSequenceNumber(), FatalError)]
)
async def test_an_error_in_doubt_is_not_a_refusal(
    log: KafkaLog, producer: Producer, fault: Exception, raised: type[Exception]
) -> None:
    producer.failing[b"1"] = fault
    with pytest.raises(raised):
        await log.publish([OutgoingRecord("here", b"k", b"1", [])])


class Raw(Producer):
    """Keeps the bytes that would go to Kafka, by topic, as aiokafka makes them."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.create_batch: Any = lambda: BatchBuilder(16_384, DefaultRecordBase.CODEC_SNAPPY)
        self.sent: dict[str, bytes] = {}

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> "asyncio.Future[None]":
        self.sent[topic] = bytes(batch._build())
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent


OUTSIDE = [topics.status("a"), topics.notifications("p"), topics.INDICATORS]
INSIDE = [topics.inbox("intake"), topics.INTAKE, topics.DEAD_LETTERS]


@pytest.mark.parametrize("topic", OUTSIDE + INSIDE)
async def test_organisations_read_gzip_which_every_client_has(
    topic: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.existing.add(topic)
    producer = Raw(client)
    monkeypatch.setattr(KafkaLog, "_producer", producer)
    value = b'{"text": "the same again"}' * 20  # what does not become smaller is not compressed at all
    await KafkaLog(SimpleNamespace(), 1.0).publish([OutgoingRecord(topic, b"k", value, [])])  # type: ignore[arg-type]
    batch: Any = MemoryRecords(producer.sent[topic]).next_batch()
    codec = DefaultRecordBase.CODEC_GZIP if topic in OUTSIDE else DefaultRecordBase.CODEC_SNAPPY
    assert batch.compression_type == codec
    assert [record.value for record in batch] == [value]
