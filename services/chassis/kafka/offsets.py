"""How far consumer groups have read, for `Progress`.

A transaction ends with a marker, which has an offset and is no record. So a group that has read every record of a topic
may be behind its end for ever: whoever compares the two asks `has_records` whether anything is there to read.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from ..errors import TransientError
from ..ports import Partition, Stage
from ..settings import ChassisSettings
from .connection import COMMITTED
from .security import connecting

_PROBE = 0.1
_PATIENCE = 2.0
"""Seconds for one look at a partition, and for all looks at it."""


def probing_consumer(settings: ChassisSettings) -> Any:
    """A consumer in no group, for end offsets and `has_records`. An open transaction is beyond the end for it."""
    return AIOKafkaConsumer(**connecting(settings), group_id=None, isolation_level=COMMITTED)


async def has_records(consumer: Any, partition: Partition, start: int, end: int) -> bool:
    """Whether anything can be read from offset `start` to `end`. True if that cannot be seen soon. Raises `KafkaError`.

    The consumer must be used for nothing else meanwhile.
    """
    at = TopicPartition(*partition)
    consumer.assign([at])
    try:
        start = max(start, (await consumer.beginning_offsets([at]))[at])
        consumer.seek(at, start)
        deadline = monotonic() + _PATIENCE
        while start < end and monotonic() < deadline:
            if await consumer.getmany(at, timeout_ms=int(1000 * _PROBE), max_records=1):
                return True
            start = await consumer.position(at)
    finally:
        consumer.unsubscribe()
    return start < end


class KafkaOffsets:
    """End offsets and committed offsets. Uses a consumer of its own, in no group, and connects when first needed."""

    def __init__(self, settings: ChassisSettings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._admin: Any = None
        self._connecting = asyncio.Lock()  # several jobs may connect at the same time
        self._probing = asyncio.Lock()  # a consumer has one position
        self._ends: dict[str, dict[Partition, int]] = {}
        """What `ends` returned last, by consumer group."""

    async def _connect(self) -> None:
        async with self._connecting:
            if self._consumer is not None:
                return
            consumer = probing_consumer(self._settings)
            admin = AIOKafkaAdminClient(**connecting(self._settings))
            try:
                await consumer.start()
                await admin.start()
            except BaseException:
                await consumer.stop()
                await admin.close()
                raise
            self._consumer, self._admin = consumer, admin

    async def ping(self) -> None:
        """Check that Kafka responds. Raises `TransientError`."""
        try:
            await self._connect()
            await self._admin.describe_cluster()
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None

    async def ends(self, stage: Stage) -> dict[Partition, int]:
        """See `Offsets`. Raises `TransientError`."""
        try:
            partitions = await self._partitions_of(stage)
            ends = await self._consumer.end_offsets(partitions) if partitions else {}
            starts = await self._consumer.beginning_offsets(partitions) if partitions else {}
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None
        self._ends[stage.group] = {(at.topic, at.partition): end for at, end in ends.items() if end > starts[at]}
        return self._ends[stage.group]

    async def starts(self, stage: Stage) -> dict[Partition, int]:
        """The offset of the first record that each partition still has. Raises `TransientError`."""
        try:
            partitions = await self._partitions_of(stage)
            starts = await self._consumer.beginning_offsets(partitions) if partitions else {}
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None
        return {(at.topic, at.partition): start for at, start in starts.items()}

    async def _partitions_of(self, stage: Stage) -> list[TopicPartition]:
        """The partitions of all topics that the stage reads. Raises `KafkaError`."""
        await self._connect()
        names = await self._consumer.topics() if stage.pattern else set(stage.topics)
        return [
            TopicPartition(name, number)
            for name in names
            if stage.reads(name)
            for number in self._consumer.partitions_for_topic(name) or await self._partitions(name)
        ]

    async def _partitions(self, name: str) -> list[int]:
        described = await self._admin.describe_topics([name])
        return [each["partition"] for topic in described for each in topic["partitions"]]

    async def committed(self, stage: Stage) -> dict[Partition, int]:
        """See `Offsets`. Where only markers follow up to the end that `ends` returned last, that end.

        Only tenants' topics have markers. Raises `TransientError`.
        """
        try:
            await self._connect()
            offsets = await self._admin.list_consumer_group_offsets(stage.group)
            committed = {(at.topic, at.partition): meta.offset for at, meta in offsets.items()}
            return {**committed, **await self._past_markers(stage, committed)} if stage.pattern else committed
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None

    async def _past_markers(self, stage: Stage, committed: Mapping[Partition, int]) -> dict[Partition, int]:
        """The ends of partitions in which nothing is left to read. Stops at the first that has something."""
        ends: dict[Partition, int] = {}
        async with self._probing:
            for partition, end in self._ends.get(stage.group, {}).items():
                read = committed.get(partition, 0)
                if read < end:
                    if await has_records(self._consumer, partition, read, end):
                        break
                    ends[partition] = end
        return ends

    async def stop(self) -> None:
        """Close the connections."""
        if self._consumer is not None:
            await self._consumer.stop()
            await self._admin.close()
            self._consumer = None
