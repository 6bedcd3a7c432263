"""Reports records that Kafka deleted before they were read."""

import structlog

from ..kafka import KafkaOffsets
from ..ports import Stage
from ..retention import LostRecords
from ..telemetry.metrics import Meter

logger = structlog.get_logger()


class LossWatch:
    """Compares what a service has committed with what Kafka still has. `watch` the stages, then `report` regularly."""

    def __init__(self, offsets: KafkaOffsets, meter: Meter) -> None:
        self._offsets = offsets
        self._meter = meter
        self._stages: list[Stage] = []
        self._lost_records = LostRecords()

    def watch(self, stage: Stage) -> None:
        """Include the topics of this stage."""
        self._stages.append(stage)

    async def report(self) -> None:
        """Log and count what has been lost since the last call. Raises `TransientError`."""
        for stage in self._stages:
            starts, committed = await self._offsets.starts(stage), await self._offsets.committed(stage)
            lost = self._lost_records.new(stage.group, starts, committed)
            self._meter.lost(lost)
            for (topic, partition), records in lost.items():
                logger.error(
                    "records_lost",
                    topic=topic,
                    partition=partition,
                    offset=starts[topic, partition],
                    lost=records,
                    hint="Kafka deleted them before they were read, since they were older than the topic keeps them; "
                    "ask whoever sent them to send them again: see the runbook RecordsLost",
                )
