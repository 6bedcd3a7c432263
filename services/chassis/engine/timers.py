"""Time as an event: the ticker publishes what is due as `TimerElapsed`, keyed like all events, then deletes it.

It fires only what was due when the service's inputs were last read to their ends. Otherwise, after an outage, answers
that were sent in time would be read after their deadline. Every instance runs a ticker; a timer that fires twice has
the same id both times.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from contracts import topics
from contracts.cloudevents import CloudEvent, encode
from contracts.ids import derived_id
from contracts.operations import TimerElapsed

from ..clock import Clock
from ..errors import FatalError
from ..ports import Log, OutgoingRecord, Partition, Stage, Store, Timer
from ..telemetry.trace_context import traceparent

_AT_ONCE = 500
"""Timers published in one request."""


class Offsets(Protocol):
    """What `Progress` needs to know from Kafka."""

    async def ends(self, stage: Stage) -> Mapping[Partition, int]:
        """The end offset of each partition that the stage reads, unless all its records have expired unread."""
        ...

    async def committed(self, stage: Stage) -> Mapping[Partition, int]:
        """The group's committed offsets."""
        ...


class Progress:
    """Up to which time the service's inputs have been read, through all stages."""

    def __init__(self, stages: Sequence[Stage], offsets: Offsets, clock: Clock) -> None:
        self._stages = stages
        self._offsets = offsets
        self._clock = clock
        self._started_at: datetime | None = None
        self._stage = 0
        self._ends: Mapping[Partition, int] = {}

    async def read_up_to(self) -> datetime | None:
        """The latest time up to which every stage has read its inputs; None while a stage is still reading.

        One measurement may take several calls. It notes the ends of a stage once the stage before has reached its own
        ends, since only then has everything been passed on that was there when the measurement started. Raises
        `TransientError`; the next call continues where this one stopped.
        """
        if self._started_at is None:
            now = self._clock.now()
            self._ends = await self._offsets.ends(self._stages[0])  # may fail: then nothing has started
            self._started_at, self._stage = now, 0
        while True:
            committed = await self._offsets.committed(self._stages[self._stage])
            if any(committed.get(partition, 0) < end for partition, end in self._ends.items()):
                return None
            if self._stage + 1 == len(self._stages):
                started_at, self._started_at = self._started_at, None
                return started_at
            self._ends = await self._offsets.ends(self._stages[self._stage + 1])
            self._stage += 1


class Ticker:
    """Fires the timers of one service."""

    def __init__(
        self,
        service: str,
        store: Store,
        log: Log,
        progress: Progress,
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._service = service
        self._store = store
        self._log = log
        self._progress = progress
        self._fault = fault

    async def tick(self) -> int:
        """Fire what is due. Returns the number of timers. Raises `TransientError`, `FatalError`."""
        until = await self._progress.read_up_to()
        if until is None:
            return 0
        fired = 0
        while due := await self._store.due(until, _AT_ONCE):
            if await self._log.publish([self._message(timer) for timer in due]):
                raise FatalError(f"{topics.inbox(self._service)} cannot be written to")
            self._fault("fired")
            await self._store.drop_timers([timer.id for timer in due])
            fired += len(due)
        return fired

    def _message(self, timer: Timer) -> OutgoingRecord:
        elapsed = TimerElapsed(stream=timer.stream, name=timer.name, due_at=timer.due_at)
        id_ = derived_id(self._service, "timer", timer.id)
        headers = encode(
            CloudEvent(
                id=id_,
                source=f"/referral-routing/{self._service}/ticker",
                type=TimerElapsed.ce_type(),
                time=timer.due_at,
                data=b"",
                subject=timer.stream,
                correlationid=timer.key,
                traceparent=traceparent(timer.key, id_),
            )
        )
        return OutgoingRecord(
            topics.inbox(self._service), timer.key.encode(), elapsed.model_dump_json().encode(), headers
        )
