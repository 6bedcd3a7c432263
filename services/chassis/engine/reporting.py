"""What operators see of the loop: log lines, metrics and spans. Nothing here changes what the loop does."""

from collections import Counter

import structlog

from contracts.cloudevents import CloudEvent

from ..clock import Clock
from ..errors import PoisonError, TransientError, where
from ..telemetry.logs import handled
from ..telemetry.metrics import Meter, Stopwatch
from ..telemetry.trace_context import Span, Tracing, span_of
from .batch import BatchInProgress
from .decoding import DecodedRecord

logger = structlog.get_logger()


def batch_postponed(service: str, error: TransientError, pause: float) -> None:
    """A loop's or gate's batch is delivered again after `pause` seconds."""
    logger.warning(
        "batch_postponed",
        service=service,
        reason=str(error),
        retry_in_s=pause,
        hint="Kafka or MongoDB is unreachable or slow; nothing is lost, the batch is retried automatically",
    )


class LoopReporter:
    """Reports under the name of one service."""

    def __init__(self, service: str, clock: Clock, meter: Meter | None, tracing: Tracing | None) -> None:
        self.service = service
        self.meter = meter or Meter(service)
        self._clock = clock
        self._tracing = tracing

    def batch_done(self, batch: BatchInProgress, watch: Stopwatch, lag: int) -> None:
        """One line and one count for each event, one for the batch; and the spans of both."""
        elapsed = sum(watch.seconds.values())
        lines: list[tuple[CloudEvent, str, str]] = []
        spans: list[Span] = []
        for record in batch.records:
            if record.entry is None:
                continue
            outcome = _outcome(record)
            lines.append((record.event, record.key, outcome))
            if self._tracing is not None and record.entry.position == record.record.position:  # not a redelivery
                span = span_of(record.event, record.entry.trace, outcome)
                spans += [span] if span is not None else []
        handled(self.service, elapsed * 1000, lines)
        self.meter.handled(Counter((event.type, outcome) for event, _, outcome in lines))
        logger.info(
            "batch",
            service=self.service,
            batch_size=len(batch.records),
            dead_letters=len(batch.dead_letters),
            lag=lag,
            duration_ms=round(elapsed * 1000, 3),
        )
        oldest = min((record.event.time for record in batch.records), default=None)
        age = None if oldest is None else (self._clock.now() - oldest).total_seconds()
        self.meter.batch("loop", len(batch.records), elapsed, age)
        if self._tracing is not None:
            self._tracing.batch("loop", elapsed, len(batch.records), spans, watch.seconds)

    def stream_quarantined(self, stream: str, error: Exception) -> None:
        """The journal of this stream cannot be folded."""
        logger.error(
            "stream_quarantined",
            service=self.service,
            stream=stream,
            reason=type(error).__name__,
            where=where(error),
            hint="the stream's journal cannot be folded; its events go to the dead letters until this is fixed",
        )

    def id_reused(self, event: CloudEvent) -> None:
        """An event has the id of an earlier one, but another body."""
        logger.warning(
            "event_id_reused",
            service=self.service,
            event_id=event.id,
            hint="the sender used one id for two different events; only the first one counts",
        )

    def policy_failed(self, stage: str, error: Exception, event: CloudEvent | None = None) -> PoisonError:
        """The policy raised. Returns what to set the event aside with."""
        logger.error(
            "decision_failed",
            service=self.service,
            event_type=event and event.type,
            event_id=event and event.id,
            reason=type(error).__name__,
            where=where(error),
            hint="a bug in the policy; the event is in the dead letters, replay it once the bug is fixed",
        )
        return PoisonError(stage, "decision-failed", type(error).__name__)


def _outcome(record: DecodedRecord) -> str:
    if record.journaled:
        return "decided"
    return "answered" if record.entry is not None and record.entry.facts else "ignored"
