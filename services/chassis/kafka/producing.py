"""The Log port: writes records with a deadline of our own, and reports those that can never be written."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBase
from faststream.kafka import KafkaBroker

from contracts.topics import DEAD_LETTERS, is_read_outside

from ..errors import FatalError, TransientError
from ..ports import OutgoingRecord, Partition
from .connection import BATCH
from .partitioning import partition_of

_CODES = {
    UnknownTopicOrPartitionError: "topic-missing",
    InvalidTopicError: "topic-invalid",
    TopicAuthorizationFailedError: "not-authorised",
    MessageSizeTooLargeError: "too-large",
    RecordTooLargeError: "too-large",
}

_NEVER_WRITABLE = tuple(_CODES)
_FATAL = (ProducerFenced, OutOfOrderSequenceNumber)
_LARGEST = 1_000_000
_LARGEST_DEAD_LETTER = 2_000_000
"""Bytes of one message, below the topics' own limits (deploy/cluster/topics.py). If the broker itself refused a message
as too large, an idempotent producer's sequence would be broken: all later messages would be out of order, and the
process would have to exit."""
_NEW_TOPIC = 3.0
"""Seconds for which Kafka must repeat that a topic does not exist."""

_Batch = tuple[Any, list[int]]
"""aiokafka's builder of a batch, and the indexes of the messages in it."""


class KafkaLog:
    """Writes through FastStream's producer. The deadline is ours, since an idempotent producer never gives up.

    It sends whole batches. Sending event by event would cost half as much again, because of one future per event.
    """

    def __init__(self, broker: KafkaBroker, deadline: float) -> None:
        self._broker = broker
        self._deadline = deadline
        self._missing: set[str] = set()

    @property
    def _producer(self) -> AIOKafkaProducer:
        """The aiokafka producer inside. `broker.publish` would cost four times as much and add headers."""
        return self._broker.config.producer._producer.producer  # type: ignore[attr-defined]

    async def publish(self, messages: Sequence[OutgoingRecord]) -> dict[int, str]:
        """See `Log`."""
        try:
            async with asyncio.timeout(self._deadline):
                topics = {message.topic for message in messages}
                closed = await self._closed(topics)
                refused, batches = self._in_batches(messages, topics - closed.keys(), closed)
                each = (self._send(*at, those) for at, those in batches.items())
                results = await asyncio.gather(*each, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
                refused |= result
        except TimeoutError:
            raise TransientError("kafka: publishing took longer than its deadline") from None
        except _FATAL as error:
            raise FatalError(f"kafka: {type(error).__name__}") from None
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None
        return refused

    def _in_batches(
        self, messages: Sequence[OutgoingRecord], topics: Collection[str], closed: Mapping[str, str]
    ) -> tuple[dict[int, str], dict[Partition, list[_Batch]]]:
        """What is refused before sending (index and code), and the rest in batches by partition, in order."""
        refused: dict[int, str] = {}
        batches: dict[Partition, list[_Batch]] = {}
        producer: Any = self._producer
        counts = {topic: len(producer.client.cluster.partitions_for_topic(topic)) for topic in topics}
        for index, (topic, key, value, headers) in enumerate(messages):
            if topic in closed:
                refused[index] = closed[topic]
                continue
            if _size(key, value, headers) > (_LARGEST_DEAD_LETTER if topic == DEAD_LETTERS else _LARGEST):
                refused[index] = "too-large"
                continue
            those = batches.setdefault((topic, partition_of(key, counts[topic])), [])
            if not those or not _append(those[-1], index, key, value, headers):
                those.append((_gzipped() if is_read_outside(topic) else producer.create_batch(), []))
                _append(those[-1], index, key, value, headers)  # an empty batch accepts any size
        return refused, batches

    async def _send(self, topic: str, partition: int, batches: Sequence[_Batch]) -> dict[int, str]:
        """Send one partition's batches in turn. Returns index and code of what can never be written.

        Raises `KafkaError`.
        """
        refused: dict[int, str] = {}
        producer: Any = self._producer
        for batch, indexes in batches:
            try:
                await (await producer.send_batch(batch, topic, partition=partition))
            except _NEVER_WRITABLE as error:
                refused |= dict.fromkeys(indexes, _code(error))
        return refused

    async def _closed(self, topics: Collection[str]) -> dict[str, str]:
        """Topics that cannot be written to, with their reason codes. All topics are looked up at once.

        A topic counts as missing only when Kafka itself has said so for some time: a new topic is not known to all
        brokers at once, and an unreachable Kafka must not make a topic missing. A topic that was missing before is
        looked up only once, without waiting, or it would delay every batch.
        """
        client = self._producer.client
        first_response: float | None = None
        while True:
            unknown = {topic for topic in topics if client.cluster.partitions_for_topic(topic) is None}
            self._missing -= set(topics) - unknown
            closed = dict.fromkeys(unknown & client.cluster.unauthorized_topics, "not-authorised")
            waited = first_response is not None and monotonic() - first_response >= _NEW_TOPIC
            known_already = first_response is not None and unknown <= self._missing | closed.keys()
            if not unknown or waited or known_already:
                missing = unknown - closed.keys()
                self._missing |= missing
                return {**dict.fromkeys(missing, "topic-missing"), **closed}
            for topic in unknown:
                client.add_topic(topic)
            responded = await client.force_metadata_update()
            if responded and first_response is None:
                first_response = monotonic()
                continue
            if not responded:
                first_response = None
            await asyncio.sleep(0.1)


def _gzipped() -> BatchBuilder:
    """A batch that every client can read: kafkajs has no other codec built in, and snappy is a native library in Java.

    Why not uncompressed: deploy/decisions/0010.
    """
    return BatchBuilder(BATCH, DefaultRecordBase.CODEC_GZIP)


def _append(batch: _Batch, index: int, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> bool:
    """Add a message to a batch. Returns False if the batch is full."""
    if batch[0].append(timestamp=None, key=key, value=value, headers=headers) is None:
        return False
    batch[1].append(index)
    return True


def _size(key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> int:
    return len(key) + len(value) + sum(len(name) + len(content) for name, content in headers)


def _code(error: object) -> str:
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))
