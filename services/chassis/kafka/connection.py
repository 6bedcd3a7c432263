"""The broker connection, and how subscribers are set up so that nothing is lost.

FastStream decodes headers before any code of ours runs, and swallows the exceptions: one invalid byte in one tenant's
header would lose a whole batch of others. So its parser is replaced by one that reads nothing, and we decode every
record separately. We also commit offsets explicitly, or rewind the batch.
"""

import logging
from typing import Any

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from ..settings import ChassisSettings
from . import membership, records
from .security import report_refused_logins, security

records.install()
membership.install()

COMMITTED = "read_committed"
"""Tenants may write in transactions; services do not."""

BATCH = 262_144
"""Bytes of one partition's messages per request. Only one request is in flight at a time, so with aiokafka's 16 KiB
most of publishing is waiting. It is well below the topics' limits (see `producing`); a larger message is sent alone."""


def broker(settings: ChassisSettings) -> KafkaBroker:
    """The broker connection. The producer is idempotent (so ``acks=all``), and no topic is created by accident."""
    report_refused_logins()
    return KafkaBroker(
        settings.kafka,
        security=security(settings),
        enable_idempotence=True,
        allow_auto_create_topics=False,
        request_timeout_ms=settings.request_timeout_ms,
        metadata_max_age_ms=settings.metadata_max_age_ms,
        compression_type="snappy",
        max_batch_size=BATCH,
        apply_types=False,
        log_level=logging.DEBUG,
        logger=logging.getLogger("kafka.faststream"),  # FastStream's default logger bypasses ours
        graceful_timeout=settings.graceful,
    )


def in_group(settings: ChassisSettings, group: str, *, tenants: bool = False) -> dict[str, Any]:
    """Arguments of a subscriber in a consumer group. `tenants`: it reads many topics with few records each.

    A loop's topics have equal partition counts and use the range assignor, so that each stream lives on one instance.
    A gate's many topics are spread round-robin. The instance id avoids a rebalance at a restart. What a tenant's
    transaction has aborted is never read, and what it has not committed is read when it has.
    """
    return {
        "group_id": group,
        "group_instance_id": f"{group}-{settings.instance}",
        "auto_offset_reset": "earliest",
        "partition_assignment_strategy": [RoundRobinPartitionAssignor if tenants else RangePartitionAssignor],
        "max_records": settings.max_records,
        "session_timeout_ms": settings.session_timeout_ms,
        "heartbeat_interval_ms": settings.session_timeout_ms // 4,
        "rebalance_timeout_ms": 60_000,
        "isolation_level": COMMITTED if tenants else "read_uncommitted",
        **_RAW,
        "batch_timeout_ms": settings.batch_timeout_ms,
    }


def following(settings: ChassisSettings) -> dict[str, Any]:
    """Arguments of a subscriber that reads compacted topics whole, in no group."""
    return {
        "group_id": None,
        "auto_offset_reset": "earliest",
        "max_records": settings.max_records,
        "isolation_level": COMMITTED,
        **_RAW,
        "batch_timeout_ms": 100,
    }


async def _parse(raw: Any) -> KafkaAckableMessage:
    return KafkaAckableMessage(
        body=b"",
        headers={},
        batch_headers=[{}],
        raw_message=raw,
        consumer=None,  # never used: `Subscription` settles the batch itself
        message_id="",
        correlation_id="batch",
    )


async def _pass_on(message: Any) -> Any:
    return message


_RAW: dict[str, Any] = {
    "batch": True,
    "ack_policy": AckPolicy.MANUAL,
    "parser": _parse,
    "decoder": _pass_on,
}
