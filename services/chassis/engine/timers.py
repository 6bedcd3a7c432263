"""Time as an event: the ticker publishes what is due as `TimerElapsed`, keyed like the rest, then deletes it.

It fires only what was due when the service's inputs were last read to their ends: an outage must not turn answers
that were given in time into late ones. Every instance runs one; a timer fired twice has the same id.
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


class Offsets(Protocol):
    """What `Progress` asks Kafka."""

    async def ends(self, stage: Stage) -> Mapping[Partition, int]:
        """The end offset of each partition the stage reads that still has records; what has expired is never read."""
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
        self._asked: datetime | None = None
        self._stage = 0
        self._ends: Mapping[Partition, int] = {}

    async def read_up_to(self) -> datetime | None:
        """The last time for which every stage is known to have read all there was; None while it is still reading.

        The ends of a stage are noted when the stage before it has got to its own, since only then has all that was
        there at the asked time been passed on.
        """
        if self._asked is None:
            now = self._clock.now()
            self._ends = await self._offsets.ends(self._stages[0])  # may fail: then nothing was asked
            self._asked, self._stage = now, 0
        while True:
            committed = await self._offsets.committed(self._stages[self._stage])
            if any(committed.get(partition, 0) < end for partition, end in self._ends.items()):
                return None
            if self._stage + 1 == len(self._stages):
                asked, self._asked = self._asked, None
                return asked
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
        """Fire what is due; returns how many. Raises `TransientError`, `FatalError`."""
        until = await self._progress.read_up_to()
        if until is None:
            return 0
        fired = 0
        while due := await self._store.due(until, _AT_ONCE):
            if await self._log.publish([self._message(timer) for timer in due]):
                raise FatalError(f"{topics.inbox(self._service)} can not be written to")
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
