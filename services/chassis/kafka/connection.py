"""The connection, and how subscribers are set up: the recipe that loses nothing.

FastStream decodes headers before any user code and swallows what that raises: one header byte of one tenant would lose
a whole batch of others. So it is given a parser that touches nothing, and every record is decoded by us, alone.
Offsets are committed by us, explicitly, or the batch is rewound.
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
from .security import listen, security

records.install()
membership.install()

_BATCH = 262_144
"""Bytes of one partition's messages that go in a request, of which one is on its way at a time: at aiokafka's 16 KiB
most of publishing is waiting. Well below what a topic takes (see `producing`); a larger message goes alone."""


def broker(settings: ChassisSettings) -> KafkaBroker:
    """The connection. Idempotent producer (so ``acks=all``); no topic is ever created by accident."""
    listen()
    return KafkaBroker(
        settings.kafka,
        security=security(settings),
        enable_idempotence=True,
        allow_auto_create_topics=False,
        request_timeout_ms=settings.request_timeout_ms,
        metadata_max_age_ms=settings.metadata_max_age_ms,
        compression_type="snappy",
        max_batch_size=_BATCH,
        apply_types=False,
        log_level=logging.DEBUG,
        logger=logging.getLogger("kafka.faststream"),  # its own writes to stdout past our set-up
        graceful_timeout=settings.graceful,
    )


def safe(settings: ChassisSettings, group: str, *, tenants: bool = False) -> dict[str, Any]:
    """How every grouped subscriber is set up.

    A loop's topics have equal partition counts and the range assignor, so that a stream lives on one instance; a
    gate's topics are many, so they go round. The instance id makes a restart cost no rebalance.
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
        **_RAW,
        "batch_timeout_ms": settings.batch_timeout_ms,
    }


def following(settings: ChassisSettings) -> dict[str, Any]:
    """How a subscriber is set up that reads compacted topics whole, in no group."""
    return {
        "group_id": None,
        "auto_offset_reset": "earliest",
        "max_records": settings.max_records,
        **_RAW,
        "batch_timeout_ms": 100,
    }


async def _parse(raw: Any) -> KafkaAckableMessage:
    return KafkaAckableMessage(
        body=b"",
        headers={},
        batch_headers=[{}],
        raw_message=raw,
        consumer=None,  # never asked: `Reading` settles the batch itself
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
