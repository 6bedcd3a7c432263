"""How far consumer groups have read, for `Progress`."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from ..errors import TransientError
from ..ports import Partition, Stage
from ..settings import ChassisSettings
from .security import connecting


class KafkaOffsets:
    """End offsets and committed offsets. Uses a consumer of its own, in no group, and connects when first needed."""

    def __init__(self, settings: ChassisSettings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._admin: Any = None
        self._connecting = asyncio.Lock()  # several jobs may connect at the same time

    async def _connect(self) -> None:
        async with self._connecting:
            if self._consumer is not None:
                return
            consumer = AIOKafkaConsumer(**connecting(self._settings), group_id=None)
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
            await self._connect()
            names = await self._consumer.topics() if stage.pattern else set(stage.topics)
            partitions = [
                TopicPartition(name, number)
                for name in names
                if stage.reads(name)
                for number in self._consumer.partitions_for_topic(name) or await self._partitions(name)
            ]
            ends = await self._consumer.end_offsets(partitions) if partitions else {}
            starts = await self._consumer.beginning_offsets(partitions) if partitions else {}
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None
        return {(at.topic, at.partition): end for at, end in ends.items() if end > starts[at]}

    async def _partitions(self, name: str) -> list[int]:
        described = await self._admin.describe_topics([name])
        return [each["partition"] for topic in described for each in topic["partitions"]]

    async def committed(self, stage: Stage) -> dict[Partition, int]:
        """See `Offsets`. Raises `TransientError`."""
        try:
            await self._connect()
            offsets = await self._admin.list_consumer_group_offsets(stage.group)
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None
        return {(at.topic, at.partition): meta.offset for at, meta in offsets.items()}

    async def stop(self) -> None:
        """Close the connections."""
        if self._consumer is not None:
            await self._consumer.stop()
            await self._admin.close()
            self._consumer = None
