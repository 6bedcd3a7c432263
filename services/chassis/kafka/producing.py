"""The Log port: writing, with a deadline of our own and a word on what can never be written."""

import asyncio
from collections.abc import Collection, Sequence
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
from faststream.kafka import KafkaBroker

from contracts.topics import DEAD_LETTERS
from services.chassis.errors import Fatal, Transient
from services.chassis.ports import Message

_CODES = {
    UnknownTopicOrPartitionError: "topic-missing",
    InvalidTopicError: "topic-invalid",
    TopicAuthorizationFailedError: "not-authorised",
    MessageSizeTooLargeError: "too-large",
    RecordTooLargeError: "too-large",
}

_HOPELESS = tuple(_CODES)
_LARGEST = 1_000_000
LARGEST_DEAD_LETTER = 2_000_000
"""Bytes of one message, below the topics' own limits (deploy/topics.py). What the broker itself refuses as too large
costs an idempotent producer its sequence: all that follows is out of order, and the process has to go."""
_NEW_TOPIC = 3.0
"""Seconds for which Kafka has to say that there is no such topic."""
_BEYOND_REPAIR = (ProducerFenced, OutOfOrderSequenceNumber)


class KafkaLog:
    """Writes through FastStream's own producer, with a deadline of our own: an idempotent one never gives up."""

    def __init__(self, broker: KafkaBroker, deadline: float) -> None:
        self._broker = broker
        self._deadline = deadline
        self._missing: set[str] = set()

    @property
    def _producer(self) -> AIOKafkaProducer:
        """The aiokafka producer inside; `broker.publish` would cost twice the time and add headers of its own."""
        return self._broker.config.producer._producer.producer  # type: ignore[attr-defined]

    async def publish(self, messages: Sequence[Message]) -> dict[int, str]:
        """See `Log`."""
        refused: dict[int, str] = {}
        try:
            async with asyncio.timeout(self._deadline):
                closed = await self._closed({message.topic for message in messages})
                waiting: list[tuple[int, asyncio.Future[Any]]] = []
                send: Any = self._producer.send
                for index, (topic, key, value, headers) in enumerate(messages):
                    if topic in closed:
                        refused[index] = closed[topic]
                        continue
                    if _size(key, value, headers) > (LARGEST_DEAD_LETTER if topic == DEAD_LETTERS else _LARGEST):
                        refused[index] = "too-large"
                        continue
                    try:
                        waiting.append((index, await send(topic, value, key=key, headers=headers)))
                    except _HOPELESS as error:
                        refused[index] = _code(error)
                results = await asyncio.gather(*(future for _, future in waiting), return_exceptions=True)
        except TimeoutError:
            raise Transient("kafka: publishing takes longer than its deadline") from None
        except _BEYOND_REPAIR as error:
            raise Fatal(f"kafka: {type(error).__name__}") from None
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from None
        for (index, _), result in zip(waiting, results, strict=True):
            if not isinstance(result, BaseException):
                continue
            if isinstance(result, _BEYOND_REPAIR):
                raise Fatal(f"kafka: {type(result).__name__}")
            if not isinstance(result, _HOPELESS):
                raise Transient(f"kafka: {type(result).__name__}")
            refused[index] = _code(result)
        return refused

    async def _closed(self, topics: Collection[str]) -> dict[str, str]:
        """Topics that can not be written to, all asked for at once.

        Only Kafka's own word counts, given again for some time, since a new topic is not known everywhere at once:
        that a server is away must not make a topic a missing one. One that was found missing before is asked for once,
        and not waited for again: else it would hold up every batch.
        """
        client = self._producer.client
        first: float | None = None
        while True:
            unknown = {topic for topic in topics if client.cluster.partitions_for_topic(topic) is None}
            self._missing -= set(topics) - unknown
            closed = dict.fromkeys(unknown & client.cluster.unauthorized_topics, "not-authorised")
            waited = first is not None and monotonic() - first >= _NEW_TOPIC
            known_already = first is not None and unknown <= self._missing | closed.keys()
            if not unknown or waited or known_already:
                missing = unknown - closed.keys()
                self._missing |= missing
                return {**dict.fromkeys(missing, "topic-missing"), **closed}
            for topic in unknown:
                client.add_topic(topic)
            answered = await client.force_metadata_update()
            if answered and first is None:
                first = monotonic()
                continue
            if not answered:
                first = None
            await asyncio.sleep(0.1)


def _size(key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> int:
    return len(key) + len(value) + sum(len(name) + len(content) for name, content in headers)


def _code(error: object) -> str:
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))
