"""A batch on its way through the gate, and what operators see of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from contracts.cloudevents import CloudEvent
from contracts.ids import derived_id

from ..clock import Clock
from ..errors import PoisonError, where
from ..ports import OutgoingRecord, Record
from ..telemetry.logs import handled
from ..telemetry.metrics import Meter, Stopwatch
from ..telemetry.trace_context import Span, Tracing
from .admission import Arrival

logger = structlog.get_logger()


class Outcome(NamedTuple):
    """What is published because of one record."""

    record: Record
    event: CloudEvent
    messages: Sequence[OutgoingRecord]
    outcome: str
    """``admitted`` or ``refused``; empty for a dead letter, which is reported as such."""


@dataclass(slots=True)
class GateBatch:
    """Filled step by step."""

    records: Sequence[Record]
    arrivals: list[Arrival] = field(default_factory=list)
    """The well-formed events, which are still to be admitted or refused."""
    outcomes: list[Outcome] = field(default_factory=list)
    poisoned: list[tuple[Record, PoisonError]] = field(default_factory=list)
    """What goes to the dead letters."""

    @property
    def messages(self) -> list[OutgoingRecord]:
        """All records to publish, in order."""
        return [message for outcome in self.outcomes for message in outcome.messages]


class GateReporter:
    """Log lines, metrics and spans of one service's gate."""

    def __init__(self, service: str, clock: Clock, meter: Meter | None, tracing: Tracing | None) -> None:
        self.gate = f"{service}-gate"
        self.meter = meter or Meter(service)
        self.tracing = tracing
        self._clock = clock

    def batch_done(self, batch: GateBatch, watch: Stopwatch, lag: int) -> None:
        """One line and one count for each event, one for the batch; and the spans of both."""
        elapsed = sum(watch.seconds.values())
        lines = [self._line(outcome) for outcome in batch.outcomes if outcome.outcome]
        handled(self.gate, elapsed * 1000, lines)
        self.meter.handled(Counter((event.type, outcome) for event, _, outcome in lines))
        logger.info(
            "batch",
            service=self.gate,
            batch_size=len(batch.records),
            dead_letters=len(batch.poisoned),
            lag=lag,
            duration_ms=round(elapsed * 1000, 3),
        )
        oldest = min((record.appended for record in batch.records), default=None)
        age = None if oldest is None else (self._clock.now() - oldest).total_seconds()
        self.meter.batch("gate", len(batch.records), elapsed, age)
        self.meter.steps("gate", watch)
        if self.tracing is not None:
            self.tracing.batch("gate", elapsed, len(batch.records), _spans(batch.outcomes), watch.seconds)

    def admission_failed(self, event: CloudEvent, error: Exception) -> PoisonError:
        """The admission raised. Returns what to set the event aside with."""
        logger.error(
            "admission_failed",
            service=self.gate,
            event_type=event.type,
            reason=type(error).__name__,
            where=where(error),
            hint="a bug in the gate; the event is in the dead letters, replay it once the bug is fixed",
        )
        return PoisonError("gate", "admission-failed", type(error).__name__)

    def _line(self, outcome: Outcome) -> tuple[CloudEvent, str, str]:
        """Event, referral and outcome. Ids are ours and no text of the sender is left in, since it may be a name."""
        id_ = derived_id(self.gate, outcome.record.topic, outcome.event.id)
        event = outcome.event._replace(id=id_, causationid=None, traceparent=None)
        return event, outcome.messages[0].key.decode() if outcome.messages else "", outcome.outcome


def _spans(outcomes: Sequence[Outcome]) -> list[Span]:
    """One for each event that is passed on. The trace starts here, so it has no parent."""
    return [
        Span(headers["traceparent"].decode(), None, each.event.type, headers["ce_id"].decode(), each.outcome)
        for each in outcomes
        if each.outcome
        for headers in (dict(message.headers) for message in each.messages)
    ]
