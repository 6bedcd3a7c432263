"""Kafka behind the Log and Batch ports, through FastStream, with the recipe that loses nothing.

FastStream decodes headers before any user code and swallows what that raises: one header byte of one tenant would lose
a whole batch of others. So `SAFE` gives it a parser that touches nothing, and every record is decoded by us, alone.
Offsets are committed by us, explicitly, or the batch is rewound.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from contracts.topics import DEAD_LETTERS

from . import records
from .clock import Clock
from .errors import Fatal, Transient, where
from .ports import Batch, Message, Partition, Record
from .settings import ChassisSettings
from .timers import Stage

logger = structlog.get_logger()

_NEVER = {
    UnknownTopicOrPartitionError: "topic-missing",
    InvalidTopicError: "topic-invalid",
    TopicAuthorizationFailedError: "not-authorised",
    MessageSizeTooLargeError: "too-large",
    RecordTooLargeError: "too-large",
}
_LARGEST = 1_000_000
_LARGEST_DEAD_LETTER = 2_000_000
"""Bytes of one message, below the topics' own limits (deploy/topics.py). What the broker itself refuses as too large
costs an idempotent producer its sequence: all that follows is out of order, and the process has to go."""
_BEYOND_REPAIR = (ProducerFenced, OutOfOrderSequenceNumber)


class Handler(Protocol):
    """A `Loop` or a `Gate`."""

    idle: asyncio.Event

    async def handle(self, batch: Batch) -> None:
        """Settle one batch."""
        ...

    def forget(self) -> None:
        """Partitions were assigned anew."""
        ...


records.install()


def broker(settings: ChassisSettings) -> KafkaBroker:
    """The connection. Idempotent producer (so ``acks=all``); no topic is ever created by accident."""
    return KafkaBroker(
        settings.kafka,
        enable_idempotence=True,
        allow_auto_create_topics=False,
        request_timeout_ms=settings.request_timeout_ms,
        metadata_max_age_ms=settings.metadata_max_age_ms,
        compression_type="lz4",
        max_request_size=_LARGEST_DEAD_LETTER,
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


class KafkaLog:
    """Writes through FastStream's own producer, with a deadline of our own: an idempotent one never gives up."""

    def __init__(self, broker: KafkaBroker, deadline: float) -> None:
        self._broker = broker
        self._deadline = deadline

    @property
    def _producer(self) -> AIOKafkaProducer:
        """The aiokafka producer inside; `broker.publish` would cost twice the time and add headers of its own."""
        return self._broker.config.producer._producer.producer  # type: ignore[attr-defined]

    async def publish(self, messages: Sequence[Message]) -> dict[int, str]:
        """See `Log`."""
        refused: dict[int, str] = {}
        try:
            async with asyncio.timeout(self._deadline):
                closed = await self._closed({message.topic for message in messages})
                waiting = []
                for index, message in enumerate(messages):
                    if message.topic in closed:
                        refused[index] = closed[message.topic]
                        continue
                    if _size(message) > (_LARGEST_DEAD_LETTER if message.topic == DEAD_LETTERS else _LARGEST):
                        refused[index] = "too-large"
                        continue
                    try:
                        waiting.append((index, await self._send(message)))
                    except tuple(_NEVER) as error:
                        refused[index] = _code(error)
                results = await asyncio.gather(*(future for _, future in waiting), return_exceptions=True)
        except TimeoutError:
            raise Transient("kafka: publishing takes longer than its deadline") from None
        except _BEYOND_REPAIR as error:
            raise Fatal(f"kafka: {type(error).__name__}") from None
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from None
        for (index, _), result in zip(waiting, results, strict=True):
            if isinstance(result, tuple(_NEVER)):
                refused[index] = _code(result)
            elif isinstance(result, _BEYOND_REPAIR):
                raise Fatal(f"kafka: {type(result).__name__}")
            elif isinstance(result, BaseException):
                raise Transient(f"kafka: {type(result).__name__}")
        return refused

    async def _closed(self, topics: Collection[str]) -> dict[str, str]:
        """Topics that can not be written to. All are asked for at once, since a missing one shows only after a
        request's timeout: message by message, a few of them would outlast every deadline, for ever."""
        asked = [self._producer.partitions_for(topic) for topic in topics]
        answers = dict(zip(topics, await asyncio.gather(*asked, return_exceptions=True), strict=True))
        for answer in answers.values():
            if isinstance(answer, BaseException) and not isinstance(answer, tuple(_NEVER)):
                raise answer
        return {topic: _code(answer) for topic, answer in answers.items() if isinstance(answer, tuple(_NEVER))}

    async def _send(self, message: Message) -> "asyncio.Future[Any]":
        sent: asyncio.Future[Any] = await self._producer.send(
            message.topic, message.value, key=message.key, headers=list(message.headers)
        )
        return sent


def _size(message: Message) -> int:
    headers = sum(len(name) + len(content) for name, content in message.headers)
    return len(message.key) + len(message.value) + headers


def _code(error: object) -> str:
    return next(code for kind, code in _NEVER.items() if isinstance(error, kind))


class KafkaBatch:
    """What one fetch brought."""

    def __init__(self, raw: Sequence[Any], consumer: Any, clock: Clock) -> None:
        self._raw = raw
        self._consumer = consumer
        self.records = [
            Record(r.topic, r.partition, r.offset, r.key, r.value, r.headers, clock.at(r.timestamp)) for r in raw
        ]

    async def committed(self) -> dict[Partition, int]:
        """See `Batch`."""
        try:
            return {
                (tp.topic, tp.partition): await self._consumer.committed(tp) or 0
                for tp in sorted(self._consumer.assignment())
            }
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from None

    async def commit(self) -> dict[Partition, int]:
        """See `Batch`. Partitions lost meanwhile are their new owner's; there the records come again."""
        ends: dict[Partition, int] = {}
        for record in self.records:
            ends[record.topic, record.partition] = record.offset + 1
        ours = self._consumer.assignment()
        offsets = {TopicPartition(*at): end for at, end in ends.items() if TopicPartition(*at) in ours}
        if not offsets:
            return {}
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            logger.info("commit_lost", reason="the partitions moved to another instance, which reads them again")
            return {}
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from None
        return {at: end for at, end in ends.items() if TopicPartition(*at) in offsets}

    async def nack(self) -> None:
        """See `Batch`."""
        starts: dict[TopicPartition, int] = {}
        for record in self.records:
            starts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        ours = self._consumer.assignment()
        for at, offset in starts.items():
            if at in ours:
                self._consumer.seek(at, offset)


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """A revoke waits for the batch in flight, an assignment clears what was cached."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.assigned = asyncio.Event()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Called by aiokafka before a rebalance."""
        await self._handler.idle.wait()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Called by aiokafka after a rebalance."""
        self._handler.forget()
        self.assigned.set()


class Reading:
    """One grouped subscriber: what it reads, who handles it, and how it gets on."""

    def __init__(
        self,
        broker: KafkaBroker,
        settings: ChassisSettings,
        group: str,
        handler: Handler,
        *,
        topics: Sequence[str] = (),
        pattern: str | None = None,
        ready: Callable[[], Awaitable[None]] | None = None,
        fatal: Callable[[str], None],
    ) -> None:
        self.group = group
        self.topics = topics
        self.pattern = pattern
        self._handler = handler
        self._clock = settings.clock
        self._ready = ready
        self._fatal = fatal
        self.listener = Listener(handler)
        setup = safe(settings, group, tenants=pattern is not None)
        self._subscriber: Any = broker.subscriber(*topics, pattern=pattern, listener=self.listener, **setup)
        self._subscriber(self._receive)

    @property
    def consumer(self) -> Any:
        """The aiokafka consumer, once the broker has started."""
        return self._subscriber.consumer

    async def _receive(self, message: KafkaAckableMessage) -> None:
        raw = message.raw_message
        try:
            if self._ready is not None:
                await self._ready()
            await self._handler.handle(
                KafkaBatch(raw if isinstance(raw, tuple) else (raw,), self.consumer, self._clock)
            )
        except Fatal as error:
            self._fatal(str(error))
        except Exception as error:  # noqa: BLE001  # Fatal: a fault of ours; crash rather than lose the batch
            self._fatal(f"{type(error).__name__} in {self.group}, {where(error)}")

    def lag(self) -> dict[Partition, int]:
        """Records not yet read, per partition that is ours, as far as the last fetch knows."""
        consumer = self.consumer
        lags: dict[Partition, int] = {}
        for at in consumer.assignment() if consumer else ():
            highwater = consumer.highwater(at)
            position = consumer._subscription.subscription.assignment.state_value(at)._position
            if highwater is not None and position is not None:
                lags[at.topic, at.partition] = max(0, highwater - position)
        return lags


class KafkaOffsets:
    """Ends and committed offsets, for `Progress`. Asks through a consumer of its own that is in no group."""

    def __init__(self, settings: ChassisSettings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._admin: Any = None
        self._connecting = asyncio.Lock()  # several jobs ask

    async def _connect(self) -> None:
        async with self._connecting:
            if self._consumer is not None:
                return
            consumer = AIOKafkaConsumer(bootstrap_servers=self._settings.kafka, group_id=None)
            admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.kafka)
            try:
                await consumer.start()
                await admin.start()
            except BaseException:
                await consumer.stop()
                await admin.close()
                raise
            self._consumer, self._admin = consumer, admin

    async def ping(self) -> None:
        """Ask for an answer, whatever it is. Raises `Transient`."""
        try:
            await self._connect()
            await self._admin.describe_cluster()
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from None

    async def ends(self, stage: Stage) -> dict[Partition, int]:
        """See `Offsets`. Raises `Transient`."""
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
            raise Transient(f"kafka: {type(error).__name__}") from None
        return {(at.topic, at.partition): end for at, end in ends.items() if end > starts[at]}

    async def _partitions(self, name: str) -> list[int]:
        described = await self._admin.describe_topics([name])
        return [each["partition"] for topic in described for each in topic["partitions"]]

    async def committed(self, stage: Stage) -> dict[Partition, int]:
        """See `Offsets`. Raises `Transient`."""
        try:
            await self._connect()
            offsets = await self._admin.list_consumer_group_offsets(stage.group)
        except KafkaError as error:
            raise Transient(f"kafka: {type(error).__name__}") from None
        return {(at.topic, at.partition): meta.offset for at, meta in offsets.items()}

    async def stop(self) -> None:
        """Close the connections."""
        if self._consumer is not None:
            await self._consumer.stop()
            await self._admin.close()
            self._consumer = None


class Follower:
    """Reads compacted topics whole, in no group, and says when it has seen all that was there at the start.

    Each new topic makes aiokafka read all of them again, so `apply` must be idempotent by offset.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        settings: ChassisSettings,
        pattern: str,
        apply: Callable[[Record], None],
        fatal: Callable[[str], None],
    ) -> None:
        self._pattern = pattern
        self._apply = apply
        self._clock = settings.clock
        self._fatal = fatal
        self._seen: dict[TopicPartition, int] = {}
        self._owed: dict[TopicPartition, int] | None = None
        self._applied = asyncio.Event()
        self._subscriber: Any = broker.subscriber(pattern=pattern, **following(settings))
        self._subscriber(self._receive)

    async def _receive(self, message: KafkaAckableMessage) -> None:
        try:
            for raw in message.raw_message:
                record = Record(
                    raw.topic, raw.partition, raw.offset, raw.key, raw.value, raw.headers, self._clock.at(raw.timestamp)
                )
                self._apply(record)
                self._seen[TopicPartition(raw.topic, raw.partition)] = raw.offset + 1
            self._applied.set()
        except Exception as error:  # noqa: BLE001  # Fatal: `apply` handles bad entries itself, so this is a fault of ours
            self._fatal(f"{type(error).__name__} in the follower of {self._pattern}, {where(error)}")

    async def complete(self) -> None:
        """Wait until everything that was there at the first call has been applied."""
        consumer = self._subscriber.consumer
        if self._owed is None:
            names = [name for name in await consumer.topics() if re.match(self._pattern, name)]
            partitions = [TopicPartition(n, p) for n in names for p in consumer.partitions_for_topic(n) or ()]
            begins = await consumer.beginning_offsets(partitions) if partitions else {}
            ends = await consumer.end_offsets(partitions) if partitions else {}
            self._owed = {at: end for at, end in ends.items() if end > begins[at]}
        while any(self._seen.get(at, 0) < end for at, end in self._owed.items()):
            self._applied.clear()
            await self._applied.wait()
        self._owed = {}

    @property
    def completed(self) -> bool:
        """True once `complete` has returned."""
        return self._owed == {}
