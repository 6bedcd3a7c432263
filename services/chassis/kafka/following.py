"""Compacted topics, read whole."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from ..errors import where
from ..ports import Record
from ..settings import ChassisSettings
from .connection import following

logger = structlog.get_logger()

_AGAIN = 1.0
"""Seconds until Kafka is asked again."""


class Follower:
    """Reads compacted topics whole, in no group, and says when it has seen all that was there at the start.

    Each new topic makes aiokafka read all of them again, so `apply` must be idempotent by offset.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        settings: ChassisSettings,
        pattern: str,
        apply: Callable[[Record], None],
        fatal: Callable[[str], None],
    ) -> None:
        self._pattern = pattern
        self._apply = apply
        self._clock = settings.clock
        self._fatal = fatal
        self._seen: dict[TopicPartition, int] = {}
        self._owed: dict[TopicPartition, int] | None = None
        self._applied = asyncio.Event()
        self._subscriber: Any = broker.subscriber(pattern=pattern, **following(settings))
        self._subscriber(self._receive)

    async def _receive(self, message: KafkaAckableMessage) -> None:
        try:
            for raw in message.raw_message:
                record = Record(
                    raw.topic, raw.partition, raw.offset, raw.key, raw.value, raw.headers, self._clock.at(raw.timestamp)
                )
                self._apply(record)
                self._seen[TopicPartition(raw.topic, raw.partition)] = raw.offset + 1
            self._applied.set()
        except Exception as error:  # noqa: BLE001  # Fatal: `apply` handles bad entries itself, so this is a fault of ours
            self._fatal(f"{type(error).__name__} in the follower of {self._pattern}, {where(error)}")

    async def complete(self) -> None:
        """Wait until everything that was there at the first call has been applied."""
        while not self._subscriber.running:  # noqa: ASYNC110  # started one after another, and nobody is told
            await asyncio.sleep(0.02)
        consumer = self._subscriber.consumer
        if self._owed is None:
            self._owed = await self._there(consumer)
        while any(self._seen.get(at, 0) < end for at, end in self._owed.items()):
            self._applied.clear()
            await self._applied.wait()
        self._owed = {}

    async def _there(self, consumer: Any) -> dict[TopicPartition, int]:
        """The ends of all partitions that hold anything. Kafka may go away amid it: then it is asked again."""
        while True:
            try:
                names = [name for name in await consumer.topics() if re.match(self._pattern, name)]
                partitions = [TopicPartition(n, p) for n in names for p in consumer.partitions_for_topic(n) or ()]
                begins = await consumer.beginning_offsets(partitions) if partitions else {}
                ends = await consumer.end_offsets(partitions) if partitions else {}
                return {at: end for at, end in ends.items() if end > begins[at]}
            except KafkaError as error:
                logger.warning(
                    "waiting_for_servers",
                    reason=type(error).__name__,
                    retry_in_s=_AGAIN,
                    hint="what services are to know before they begin can not be read: is Kafka up and reachable?",
                )
                await asyncio.sleep(_AGAIN)

    @property
    def completed(self) -> bool:
        """True once `complete` has returned."""
        return self._owed == {}
