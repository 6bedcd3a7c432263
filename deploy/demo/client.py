"""The Kafka client of the demo's agencies and providers, as any organisation could write it."""

import uuid
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from contracts.base import Message
from contracts.catalogue import MESSAGES
from contracts.cloudevents import CloudEvent, decode, encode
from deploy.cluster.login import Login


async def producer(login: Login) -> AIOKafkaProducer:
    """A started producer that neither loses nor doubles a record."""
    started = AIOKafkaProducer(**login.aiokafka(), enable_idempotence=True)
    await started.start()
    return started


async def consumer(login: Login, *topics: str, from_now: bool = False) -> AIOKafkaConsumer:
    """A started consumer that reads topics from the beginning or, with `from_now`, only new records."""
    started = AIOKafkaConsumer(
        *topics, **login.aiokafka(), auto_offset_reset="earliest", enable_auto_commit=False, fetch_max_wait_ms=50
    )
    await started.start()
    if from_now:
        await started.seek_to_end()
    return started


async def send(to: AIOKafkaProducer, topic: str, key: str, source: str, body: Message, id_: str | None = None) -> None:
    """Publish one event."""
    event = CloudEvent(
        id=id_ or str(uuid.uuid4()), source=source, type=body.ce_type(), time=datetime.now(UTC), data=b""
    )
    await to.send_and_wait(
        topic, body.model_dump_json(exclude_none=True).encode(), key=key.encode(), headers=encode(event)
    )


def read(record: Any) -> tuple[CloudEvent, Message]:
    """The event in a record written by one of the services."""
    stamp = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    event = decode(record.headers, record.value, stamp)
    return event, MESSAGES[event.type].read(event.data)
