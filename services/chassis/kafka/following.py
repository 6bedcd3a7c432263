"""Compacted topics, read whole."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from ..errors import where
from ..ports import Record
from ..settings import ChassisSettings
from .connection import following
from .offsets import has_records, probing_consumer
from .waiting import until_available

_QUIET = 1.0
"""Seconds without a record after which it is looked whether any is left."""
_RETRY_PAUSE = 1.0
"""Seconds until Kafka is asked again."""


class Follower:
    """Reads compacted topics whole, in no group, and knows when it has read all that was there at the start.

    When a topic is added, aiokafka reads all of them again, so `apply` must be idempotent by offset.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        settings: ChassisSettings,
        pattern: str,
        apply: Callable[[Record], None],
        fatal: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._pattern = pattern
        self._apply = apply
        self._clock = settings.clock
        self._fatal = fatal
        self._positions: dict[TopicPartition, int] = {}
        self._ends_at_start: dict[TopicPartition, int] | None = None
        self._completed = False
        self._applied = asyncio.Event()
        self._subscriber: Any = broker.subscriber(pattern=pattern, **following(settings))
        self._subscriber(self._receive)

    @property
    def completed(self) -> bool:
        """True once `complete` has returned."""
        return self._completed

    async def complete(self) -> None:
        """Wait until everything that was there at the first call has been applied."""
        if self._completed:
            return
        while not self._subscriber.running:  # noqa: ASYNC110  # subscribers are started in turn, without any signal
            await asyncio.sleep(0.02)
        if self._ends_at_start is None:
            self._ends_at_start = await self._ends(self._subscriber.consumer)
        while behind := self._behind(self._ends_at_start):
            self._applied.clear()
            try:
                await asyncio.wait_for(self._applied.wait(), _QUIET)
            except TimeoutError:
                if not await self._have_records(behind):
                    break
        self._completed = True

    def _behind(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        return {at: end for at, end in ends.items() if self._positions.get(at, 0) < end}

    async def _have_records(self, behind: Mapping[TopicPartition, int]) -> bool:
        """Whether anything is there to apply; otherwise only markers of transactions are (see `offsets`)."""
        consumer = probing_consumer(self._settings)
        try:
            await consumer.start()
            for at, end in behind.items():
                if await has_records(consumer, (at.topic, at.partition), self._positions.get(at, 0), end):
                    return True
        except KafkaError:  # Kafka is away: whether anything is there will be seen when it is back
            return True
        finally:
            await consumer.stop()
        return False

    async def _receive(self, message: KafkaAckableMessage) -> None:
        try:
            for raw in message.raw_message:
                record = Record(
                    raw.topic, raw.partition, raw.offset, raw.key, raw.value, raw.headers, self._clock.at(raw.timestamp)
                )
                self._apply(record)
                self._positions[TopicPartition(raw.topic, raw.partition)] = raw.offset + 1
            self._applied.set()
        except Exception as error:  # noqa: BLE001  # Fatal: `apply` handles bad entries itself, so this is a bug of ours
            self._fatal(f"{type(error).__name__} in the follower of {self._pattern}, {where(error)}")

    async def _ends(self, consumer: Any) -> dict[TopicPartition, int]:
        """The end offsets of all partitions that have records. Waits while Kafka is unavailable."""
        hint = "the topics that must be read before the start cannot be read: is Kafka up and reachable?"
        async for attempt in until_available(_RETRY_PAUSE, hint):
            with attempt:
                names = [name for name in await consumer.topics() if re.match(self._pattern, name)]
                partitions = [TopicPartition(n, p) for n in names for p in consumer.partitions_for_topic(n) or ()]
                begins = await consumer.beginning_offsets(partitions) if partitions else {}
                ends = await consumer.end_offsets(partitions) if partitions else {}
                return {at: end for at, end in ends.items() if end > begins[at]}
        raise AssertionError("the attempts never end")
