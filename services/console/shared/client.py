"""An organisation's access to Kafka: it writes its own topics and reads what is sent to it, as any client could.

It has its own login and no more rights than that (deploy/cluster/access.py). It commits no offsets in a consumer
group: each command reads from the beginning or from a given point, so that two people at the same organisation see the
same records.
"""

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from pydantic import ValidationError

from contracts.base import Message
from contracts.catalogue import MESSAGES
from contracts.cloudevents import CloudEvent, Headers, MalformedError, decode, encode
from services.chassis.ports import Partition

from . import output
from .connection import Hints, reach, words
from .errors import UnreachableError, UserError
from .identity import Identity

_DELIVERY_MS = 30_000
_PATIENCE = 20.0
_UNDER_WAY = 200
"""Events on their way at a time: with a tenant's quota all of them are there well before `_DELIVERY_MS`."""

_HINTS = Hints(
    login="check KAFKA_USER and KAFKA_PASSWORD; the operator can give new ones (`referrals tenants rotate`)",
    trust="is KAFKA_CA its authority's PEM file?",
    silence="is KAFKA its address for organisations, does it expect a login or TLS?",
    away=UnreachableError,
)


@dataclass(frozen=True)
class OutgoingMessage:
    """One event to be published; no body: whatever is under its key is to be forgotten."""

    id: str
    key: str
    body: Message | None

    @property
    def value(self) -> bytes | None:
        """The body as it is sent: what was not said is left out."""
        return None if self.body is None else self.body.model_dump_json(exclude_unset=True).encode()


@dataclass(frozen=True)
class TopicRecord:
    """One record of a topic."""

    key: str
    value: bytes | None = field(repr=False)
    headers: Headers = field(repr=False)
    at: datetime
    """When the broker had it, or the sender says that it sent it."""
    offset: int

    def read(self) -> tuple[CloudEvent, Message] | None:
        """The event in it; None for one of a kind that is not known here, and for what is none."""
        try:
            event = decode(self.headers, self.value, self.at)
            model = MESSAGES.get(event.type)
            return (event, model.read(event.data)) if model else None
        except (MalformedError, ValidationError):
            return None


class Client:
    """A Kafka that has answered to this organisation. `UserError` when it does not."""

    def __init__(self, who: Identity) -> None:
        self.who = who
        self._said = False
        self._topics = reach(who.login, _HINTS)[1]

    def check(self, topic: str) -> None:
        """`UserError` when a topic is not there for this organisation."""
        if topic not in self._topics:
            hint = "is it taken in (`referrals tenants list`, by the operator), is this its login?"
            raise UserError(f"{topic} is not there, or not open to {self.who.role} {self.who.id}", hint)

    def ends(self, topic: str) -> dict[Partition, int]:
        """Where each partition of a topic ends now: reading from there tells what comes from now on."""
        reader = self._reader()
        try:
            return {
                (each.topic, each.partition): reader.get_watermark_offsets(each, _PATIENCE)[1]
                for each in self._partitions(topic)
            }
        finally:
            reader.close()

    def read(
        self, topic: str, start: Mapping[Partition, int] | None = None, *, follow: float | None = 0
    ) -> Iterator[TopicRecord | None]:
        """All that is on a topic, oldest first, from `start` or its beginning; then what comes.

        `follow`: for how many seconds after the end, None for ever. While nothing comes it yields None.
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

    def told(
        self, topic: str, start: Mapping[Partition, int] | None = None, *, follow: float | None = 0
    ) -> Iterator[tuple[CloudEvent, Message] | None]:
        """`read`, as far as it is understood here, and each event once, though it may be delivered again."""
        seen: set[str] = set()
        for found in self.read(topic, start, follow=follow):
            if found is None:
                yield None
            elif (event := self.understood(found)) is not None and event[0].id not in seen:
                seen.add(event[0].id)
                yield event

    def understood(self, found: TopicRecord) -> tuple[CloudEvent, Message] | None:
        """The event in a record; None where it can not be read, which is said once."""
        event = found.read()
        if event is None and not self._said:
            self._said = True
            output.warn(f"what stands at offset {found.offset}, and maybe more, is not known to this version: left out")
        return event

    def _records(self, reader: Any, pending: set[int], follow: float | None) -> Iterator[TopicRecord | None]:
        deadline = time.monotonic() + _PATIENCE
        while pending or follow is None or time.monotonic() < deadline:
            message = reader.poll(0.2)
            if message is None:
                if pending and time.monotonic() > deadline:
                    raise UnreachableError("Kafka has stopped to answer", "try again")
                if not pending:
                    yield None
            elif message.error() is None:
                if pending:
                    deadline = time.monotonic() + _PATIENCE
                yield _found(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                if message.partition() in pending and pending == {message.partition()}:
                    deadline = time.monotonic() + (follow or 0)
                    yield None
                pending.discard(message.partition())
            elif not message.error().retriable():
                raise UserError(f"{message.topic()} can not be read", message.error().str())

    def publish(
        self,
        topic: str,
        events: Iterable[OutgoingMessage],
        acknowledged: Callable[[OutgoingMessage], None] = lambda _: None,
    ) -> list[tuple[OutgoingMessage, str]]:
        """Send events in this order; returns those that failed, each with the reason.

        `acknowledged` is called for each that Kafka has, in no certain order.
        """
        self.check(topic)
        failed: list[tuple[OutgoingMessage, str]] = []
        writer = Producer(
            {
                **self.who.login.confluent(),
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # Java's and aiokafka's
                "message.timeout.ms": _DELIVERY_MS,
            }
        )
        under_way = 0

        def sent(event: OutgoingMessage) -> Callable[[KafkaError | None, Any], None]:
            def settled(error: KafkaError | None, _: Any) -> None:
                nonlocal under_way
                under_way -= 1
                if error is None:
                    acknowledged(event)
                else:
                    failed.append((event, error.str()))

            return settled

        with _kept_interruption() as interrupted:
            for event in events:
                while under_way >= _UNDER_WAY and not interrupted():
                    writer.poll(0.1)
                if interrupted():
                    break
                try:
                    headers = _headers(event, self.who.source)
                    writer.produce(topic, event.value, event.key.encode(), headers=headers, on_delivery=sent(event))
                    under_way += 1
                except (KafkaException, BufferError) as error:
                    failed.append((event, words(error)))
            writer.flush(_PATIENCE + _DELIVERY_MS / 1000)  # what is under way is waited for, interrupted or not
        return failed

    def send(self, topic: str, event: OutgoingMessage) -> None:
        """Publish one. `UnreachableError` when Kafka does not take it."""
        for _, why in self.publish(topic, [event]):
            raise UnreachableError("it was not sent", f"{why}; try again, a repetition does no harm")

    def _partitions(self, topic: str) -> list[TopicPartition]:
        self.check(topic)
        return [TopicPartition(topic, number) for number in range(self._topics[topic])]

    def _reader(self) -> Any:
        return Consumer(
            {
                **self.who.login.confluent(),
                "group.id": self.who.group,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )


@contextmanager
def _kept_interruption() -> Iterator[Callable[[], bool]]:
    """Keep Ctrl-C until the end, and tell whether it came: amid the report of one delivery it would lose others.

    A second one is not kept. Whoever has it ignored, as a shell does in the background, goes on to ignore it.
    """
    heard: list[int] = []

    def keep(number: int, _: Any) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.append(number)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, keep)
    try:
        yield lambda: bool(heard)
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def _headers(event: OutgoingMessage, source: str) -> list[tuple[str, str | bytes | None]]:
    if event.body is None:
        return []
    return [*encode(CloudEvent(event.id, source, event.body.ce_type(), datetime.now(UTC), b""))]


def _found(message: Any) -> TopicRecord:
    return TopicRecord(
        (message.key() or b"").decode(errors="replace"),
        message.value(),
        message.headers() or [],
        datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        message.offset(),
    )
