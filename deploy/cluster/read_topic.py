"""All that is on a topic now, read as the operator and outside of any group's progress."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from deploy.cluster.login import Login

_PATIENCE = 20.0
_NO_LEADER = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


class ReadTopicError(RuntimeError):
    """Kafka did not give what it has in time."""


def whole(operator: Login, topic: str, start: int = 0) -> Iterator[Any]:
    """Each message of a topic, up to the end it has now, partition by partition; none when it is not there.

    `start` is the first offset that is wanted of each partition.
    """
    reader = Consumer(
        {
            **operator.confluent(),
            "group.id": f"operator.{uuid.uuid4()}",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
            "enable.partition.eof": True,
        }
    )
    try:
        known = reader.list_topics(topic, _PATIENCE).topics[topic]
        if known.error is not None:
            return
        for number in sorted(known.partitions):
            yield from _partition(reader, TopicPartition(topic, number), start)
    finally:
        reader.close()


def _partition(reader: Any, at: TopicPartition, start: int) -> Iterator[Any]:
    first, end = _ends(reader, at)
    at.offset = max(first, start)
    if at.offset >= end:
        return
    reader.assign([at])
    deadline = time.monotonic() + _PATIENCE
    while reader.position([at])[0].offset < end:
        message = reader.poll(1.0)
        if message is not None and message.error() is None:
            deadline = time.monotonic() + _PATIENCE
            yield message
        elif message is not None and message.error().code() == KafkaError._PARTITION_EOF:
            return  # what was compacted away leaves no message at the end
        elif time.monotonic() > deadline:
            raise ReadTopicError(f"{at.topic} was not read to its end: nothing came for {_PATIENCE:g} s")


def _ends(reader: Any, at: TopicPartition) -> tuple[int, int]:
    """Its first offset and its end. A topic that has just been made may have no leader for a moment."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            found: tuple[int, int] = reader.get_watermark_offsets(at, _PATIENCE)
            return found
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER or time.monotonic() > deadline:
                raise
        time.sleep(0.1)
