"""An organisation's access to Kafka: it writes its own topics and reads what is sent to it, as any client could.

It uses the organisation's login and has no more rights than that (deploy/cluster/access.py). It commits no offsets in a
consumer group: each command reads from the beginning or from a given point, so that two people at the same organisation
see the same records.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from services.chassis.ports import Partition

from . import output
from .connection import Hints, connect, error_text
from .errors import UnreachableError, UserError
from .identity import Identity
from .interruption import deferred_interruption
from .records import OutgoingMessage, TopicRecord

_DELIVERY_MS = 30_000
_TIMEOUT = 20.0
_MOST_IN_FLIGHT = 200
"""Events sent and not yet acknowledged. Within a tenant's quota they all arrive well before `_DELIVERY_MS`."""

_HINTS = Hints(
    login="check KAFKA_USER and KAFKA_PASSWORD; the operator can issue new ones (`referrals tenants rotate`)",
    trust="check that KAFKA_CA is the PEM file of the authority that signed Kafka's certificate",
    silence="check that KAFKA is the address for organisations, and whether it expects a login or TLS",
    error=UnreachableError,
)


class Client:
    """One organisation's connection to Kafka. Raises `UserError` when Kafka does not respond or refuses the login."""

    def __init__(self, who: Identity) -> None:
        self.who = who
        self._warned = False
        self._topics = connect(who.login, _HINTS)[1]

    def check(self, topic: str) -> None:
        """Raises `UserError` when the topic does not exist or is not open to this organisation."""
        if topic not in self._topics:
            what = f"the topic {topic} does not exist, or is not open to {self.who.role} {self.who.id}"
            hint = "check that this is your login; the operator can check `referrals tenants list`"
            raise UserError(what, hint)

    def ends(self, topic: str) -> dict[Partition, int]:
        """The present end of each partition; reading from there returns only what arrives from now on."""
        reader = self._reader()
        try:
            return {
                (each.topic, each.partition): reader.get_watermark_offsets(each, _TIMEOUT)[1]
                for each in self._partitions(topic)
            }
        finally:
            reader.close()

    def read(
        self, topic: str, start: Mapping[Partition, int] | None = None, *, follow: float | None = 0
    ) -> Iterator[TopicRecord | None]:
        """All records of a topic, oldest first, from `start` or the beginning; then those that arrive.

        `follow` is how many seconds to continue after the end; None means for ever. Yields None at the end of the topic
        and while nothing arrives. Raises `UnreachableError` when Kafka stops responding before the end.
        """
        partitions = self._partitions(topic)
        reader, pending = self._reader(), {each.partition for each in partitions}
        for each in partitions:
            each.offset = (start or {}).get((each.topic, each.partition), 0)
        try:
            reader.assign(partitions)
            yield from self._records(reader, pending, follow)
        finally:
            reader.close()

    def messages(
        self, topic: str, start: Mapping[Partition, int] | None = None, *, follow: float | None = 0
    ) -> Iterator[tuple[CloudEvent, Message] | None]:
        """The events of `read` that this version knows, each once, although Kafka may deliver one again."""
        seen: set[str] = set()
        for record in self.read(topic, start, follow=follow):
            if record is None:
                yield None
            elif (event := self.parse(record)) is not None and event[0].id not in seen:
                seen.add(event[0].id)
                yield event

    def parse(self, record: TopicRecord) -> tuple[CloudEvent, Message] | None:
        """The event in a record; None when it cannot be read, with a warning the first time."""
        event = record.read()
        if event is None and not self._warned:
            self._warned = True
            output.warn(f"skipped the record at offset {record.offset}, and maybe others: this version cannot read it")
        return event

    def _records(self, reader: Any, pending: set[int], follow: float | None) -> Iterator[TopicRecord | None]:
        """Poll until no partition is `pending`, which is until all ends were reached; then as `follow` says."""
        deadline = time.monotonic() + _TIMEOUT
        while pending or follow is None or time.monotonic() < deadline:
            message = reader.poll(0.2)
            if message is None:
                if pending and time.monotonic() > deadline:
                    raise UnreachableError("Kafka stopped responding", "try again")
                if not pending:
                    yield None
            elif message.error() is None:
                if pending:
                    deadline = time.monotonic() + _TIMEOUT
                yield TopicRecord.from_kafka(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                if pending == {message.partition()}:
                    deadline = time.monotonic() + (follow or 0)
                    yield None
                pending.discard(message.partition())
            elif not message.error().retriable():
                raise UserError(f"{message.topic()} cannot be read", message.error().str())

    def publish(
        self,
        topic: str,
        events: Iterable[OutgoingMessage],
        acknowledged: Callable[[OutgoingMessage], None] = lambda _: None,
    ) -> list[tuple[OutgoingMessage, str]]:
        """Send events in this order. Returns those that failed, each with the reason.

        `acknowledged` is called for each event that Kafka has stored, in any order.
        """
        self.check(topic)
        delivery = _Delivery(Producer(self.who.login.confluent_producer(_DELIVERY_MS)), acknowledged)
        with deferred_interruption() as interrupted:
            for event in events:
                while delivery.in_flight >= _MOST_IN_FLIGHT and not interrupted():
                    delivery.producer.poll(0.1)
                if interrupted():
                    break
                delivery.send(topic, event, self.who.source)
            delivery.producer.flush(_TIMEOUT + _DELIVERY_MS / 1000)  # wait for what is in flight, interrupted or not
        return delivery.failed

    def send(self, topic: str, event: OutgoingMessage) -> None:
        """Publish one event. Raises `UnreachableError` when Kafka does not store it."""
        for _, reason in self.publish(topic, [event]):
            raise UnreachableError("it was not sent", f"{reason}; try again, a repetition does no harm")

    def _partitions(self, topic: str) -> list[TopicPartition]:
        self.check(topic)
        return [TopicPartition(topic, number) for number in range(self._topics[topic])]

    def _reader(self) -> Any:
        return Consumer(self.who.login.confluent_consumer(self.who.group, fetch_wait_ms=100))


class _Delivery:
    """The events of one `publish`: how many are in flight, and which have failed."""

    def __init__(self, producer: Any, acknowledged: Callable[[OutgoingMessage], None]) -> None:
        self.producer = producer
        self.in_flight = 0
        self.failed: list[tuple[OutgoingMessage, str]] = []
        self._acknowledged = acknowledged

    def send(self, topic: str, event: OutgoingMessage, source: str) -> None:
        def settle(error: KafkaError | None, _: Any) -> None:
            self.in_flight -= 1
            if error is None:
                self._acknowledged(event)
            else:
                self.failed.append((event, error.str()))

        try:
            self.producer.produce(
                topic, event.value, event.key.encode(), headers=event.headers(source), on_delivery=settle
            )
            self.in_flight += 1
        except (KafkaException, BufferError) as error:
            self.failed.append((event, error_text(error)))
