"""The Batch port: the records of one fetch, who handles them, and what happens at a rebalance."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from ..clock import Clock
from ..errors import FatalError, TransientError, where
from ..ports import Batch, Partition, Record
from ..settings import ChassisSettings
from .connection import in_group
from .membership import StaticReturn

logger = structlog.get_logger()


class Handler(Protocol):
    """A `Loop` or a `Gate`."""

    idle: asyncio.Event

    async def handle(self, batch: Batch) -> None:
        """Settle one batch."""
        ...

    def forget(self) -> None:
        """Drop what is cached: partitions have been assigned again."""
        ...


class KafkaBatch:
    """The records of one fetch. See `Batch`."""

    def __init__(self, raw: Sequence[Any], consumer: Any, clock: Clock) -> None:
        self._raw = raw
        self._consumer = consumer
        self.records = [
            Record(r.topic, r.partition, r.offset, r.key, r.value, r.headers, clock.at(r.timestamp)) for r in raw
        ]

    def lag(self) -> int:
        """See `Batch`."""
        return sum(lags(self._consumer).values())

    async def committed(self) -> dict[Partition, int]:
        """See `Batch`."""
        try:
            return {
                (tp.topic, tp.partition): await self._consumer.committed(tp) or 0
                for tp in sorted(self._consumer.assignment())
            }
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from None

    async def commit(self) -> dict[Partition, int]:
        """See `Batch`. Partitions lost meanwhile are skipped: their new owner reads the records again."""
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
            raise TransientError(f"kafka: {type(error).__name__}") from None
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


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """A revocation waits for the batch in progress; an assignment clears what was cached."""

    def __init__(self, handler: Handler, coordinator: Callable[[], Any]) -> None:
        self._handler = handler
        self._coordinator = coordinator
        self._static_return = StaticReturn()
        self.assigned = asyncio.Event()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """aiokafka calls this before a rebalance."""
        await self._handler.idle.wait()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """aiokafka calls this after a rebalance."""
        self._handler.forget()
        self._static_return.assigned(self._coordinator())
        self.assigned.set()


class Subscription:
    """One subscriber in a consumer group: what it reads, who handles it, and how far behind it is.

    Before each batch it waits for `ready`. `fatal` is called with a reason when the process cannot go on.
    """

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
        after_batch: Callable[[], None] = lambda: None,
    ) -> None:
        self.group = group
        self.topics = topics
        self.pattern = pattern
        self._handler = handler
        self._clock = settings.clock
        self._ready = ready
        self._fatal = fatal
        self._after_batch = after_batch
        self.listener = Listener(handler, lambda: self.consumer._coordinator)
        setup = in_group(settings, group, tenants=pattern is not None)
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
            self._after_batch()
        except FatalError as error:
            self._fatal(str(error))
        except Exception as error:  # noqa: BLE001  # Fatal: a bug of ours; crash rather than lose the batch
            self._fatal(f"{type(error).__name__} in {self.group}, {where(error)}")

    def lag(self) -> dict[Partition, int]:
        """Records not yet read, by partition that is ours, as of the last fetch."""
        return lags(self.consumer) if self.consumer else {}


def lags(consumer: Any) -> dict[Partition, int]:
    """Records not yet read, by assigned partition. Read from aiokafka's state, since its `position()` might wait."""
    lag_by_partition: dict[Partition, int] = {}
    for at in consumer.assignment():
        highwater = consumer.highwater(at)
        position = consumer._subscription.subscription.assignment.state_value(at)._position
        if highwater is not None and position is not None:
            lag_by_partition[at.topic, at.partition] = max(0, highwater - position)
    return lag_by_partition
