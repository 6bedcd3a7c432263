"""What an organisation's client sends and reads: events with their keys, and records of a topic."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from contracts.base import Message
from contracts.catalogue import MESSAGES
from contracts.cloudevents import CloudEvent, Headers, MalformedError, decode, encode


@dataclass(frozen=True)
class OutgoingMessage:
    """One event to publish. Without a body it deletes whatever is stored under its key."""

    id: str
    key: str
    body: Message | None

    @property
    def value(self) -> bytes | None:
        """The body as JSON, without fields that were not set."""
        return None if self.body is None else self.body.model_dump_json(exclude_unset=True).encode()

    def headers(self, source: str) -> list[tuple[str, str | bytes | None]]:
        """The CloudEvents attributes of an event from this `source`, sent now; none without a body."""
        if self.body is None:
            return []
        return [*encode(CloudEvent(self.id, source, self.body.ce_type(), datetime.now(UTC), b""))]


@dataclass(frozen=True)
class TopicRecord:
    """One record of a topic."""

    key: str
    value: bytes | None = field(repr=False)
    headers: Headers = field(repr=False)
    at: datetime
    """Kafka's timestamp: when the broker received the record, or when its sender says that it was sent."""
    offset: int

    @staticmethod
    def from_kafka(message: Any) -> "TopicRecord":
        """A message of confluent-kafka."""
        return TopicRecord(
            (message.key() or b"").decode(errors="replace"),
            message.value(),
            message.headers() or [],
            datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
            message.offset(),
        )

    def read(self) -> tuple[CloudEvent, Message] | None:
        """The event in the record; None when it is not an event, or of a type that this version does not know."""
        try:
            event = decode(self.headers, self.value, self.at)
            model = MESSAGES.get(event.type)
            return (event, model.read(event.data)) if model else None
        except (MalformedError, ValidationError):
            return None
