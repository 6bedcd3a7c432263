"""Reads everything that is on a topic now, as the operator and without a consumer group's offsets."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from deploy.cluster.login import Login
from deploy.waiting import retrying

_TIMEOUT = 20.0
_NO_LEADER = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


class ReadTopicError(RuntimeError):
    """Kafka did not return the records of a topic in time."""


def read_to_end(operator: Login, topic: str, start: int = 0) -> Iterator[Any]:
    """Every message of a topic up to its present end, partition by partition; none when the topic does not exist.

    `start` is the first offset to read in each partition. Raises `ReadTopicError` when Kafka stops responding.
    """
    reader = Consumer(operator.confluent_consumer(f"operator.{uuid.uuid4()}", fetch_wait_ms=20))
    try:
        metadata = reader.list_topics(topic, _TIMEOUT).topics[topic]
        if metadata.error is not None:
            return
        for number in sorted(metadata.partitions):
            yield from _partition(reader, TopicPartition(topic, number), start)
    finally:
        reader.close()


def _partition(reader: Any, partition: TopicPartition, start: int) -> Iterator[Any]:
    first, end = _offsets(reader, partition)
    partition.offset = max(first, start)
    if partition.offset >= end:
        return
    reader.assign([partition])
    deadline = time.monotonic() + _TIMEOUT
    while reader.position([partition])[0].offset < end:
        message = reader.poll(1.0)
        if message is not None and message.error() is None:
            deadline = time.monotonic() + _TIMEOUT
            yield message
        elif message is not None and message.error().code() == KafkaError._PARTITION_EOF:
            return  # compaction may have removed the last messages
        elif time.monotonic() > deadline:
            raise ReadTopicError(f"Kafka stopped responding: nothing arrived from {partition.topic} for {_TIMEOUT:g} s")


def _offsets(reader: Any, partition: TopicPartition) -> tuple[int, int]:
    """The first offset of a partition and its end. A topic that was just created may have no leader for a moment."""

    def has_no_leader(error: BaseException) -> bool:
        return isinstance(error, KafkaException) and error.args[0].code() in _NO_LEADER

    offsets: tuple[int, int] = retrying(has_no_leader, _TIMEOUT, every=0.1)(
        reader.get_watermark_offsets, partition, _TIMEOUT
    )
    return offsets
