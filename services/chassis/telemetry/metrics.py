"""Prometheus metrics. Counted per batch, so that they cost nothing per event; labels are bounded."""

from collections.abc import Mapping
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from contracts.base import PREFIX

from ..ports import Partition
from .catalogue import FAULTS_OF_OURS, WARNINGS

Kind = tuple[str, str]
"""An event's type and what became of it."""

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_AGES = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 86_400)
_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class Stopwatch:
    """Where the time of a batch goes: `lap` says which step has just ended. A step that comes again is added to."""

    def __init__(self) -> None:
        self.started = self._last = perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """All since the lap before was this step's."""
        now = perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now


class Meter:
    """The metrics of one service. Names and meanings are listed in `registry.METRICS`."""

    def __init__(self, service: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = into = registry or CollectorRegistry()
        self._service = service
        one = ["service"]
        part = [*one, "part"]
        self._handled = Counter("referrals_handled_total", "events", [*one, "event_type", "outcome"], registry=into)
        self._skipped = Counter("referrals_skipped_total", "events", one, registry=into).labels(service)
        self._dead = Counter("referrals_dead_letters_total", "records", [*one, "stage", "reason"], registry=into)
        self._conflicts = Counter("referrals_conflicts_total", "streams", one, registry=into).labels(service)
        self._warnings = Counter("referrals_warnings_total", "warnings", [*one, "warning"], registry=into)
        self._overdue = Counter("referrals_overdue_total", "offers", [*one, "clock"], registry=into)
        self._batch = Histogram("referrals_batch_seconds", "seconds", part, buckets=_SECONDS, registry=into)
        self._steps = Histogram("referrals_step_seconds", "seconds", [*part, "step"], buckets=_SECONDS, registry=into)
        self._records = Histogram("referrals_batch_records", "records", part, buckets=_RECORDS, registry=into)
        self._age = Histogram("referrals_event_age_seconds", "seconds", part, buckets=_AGES, registry=into)
        self._ended = Counter("referrals_group_ended_total", "needs", [*one, "group", "end"], registry=into)
        self._waited = Summary("referrals_group_wait_seconds", "seconds", [*one, "group"], registry=into)
        self._lag = Gauge("referrals_lag_records", "records", [*one, "topic", "partition"], registry=into)
        self._silent = Gauge("referrals_server_silent", "0 or 1", [*one, "server"], registry=into)
        self._places = Gauge("referrals_places", "places", [*one, "category", "stands"], registry=into)
        self._waiting = Gauge("referrals_waiting_needs", "needs", [*one, "category", "urgency"], registry=into)
        # A counter that appears with its first event has not risen, to Prometheus: what must be seen starts at 0.
        for warning in WARNINGS:
            self._warnings.labels(service, warning)
        for stage, reason in FAULTS_OF_OURS:
            self._dead.labels(service, stage, reason)

    def handled(self, kinds: Mapping[Kind, int]) -> None:
        """The events of a batch. Only types from the catalogue reach here, so the label is bounded."""
        for (event_type, outcome), events in kinds.items():
            self._handled.labels(self._service, event_type.removeprefix(PREFIX), outcome).inc(events)

    def skipped(self) -> None:
        """One event of a type the service does not handle."""
        self._skipped.inc()

    def warned(self, warning: str) -> None:
        """An operator was warned; `warning` is the kind of line in the log."""
        self._warnings.labels(self._service, warning).inc()

    def overdue(self, clock: str) -> None:
        """A provider's time for something is over."""
        self._overdue.labels(self._service, clock).inc()

    def ended(self, group: str, end: str) -> None:
        """A need of a group has ended."""
        self._ended.labels(self._service, group, end).inc()

    def waited(self, group: str, seconds: float) -> None:
        """A need of a group has its first match, so long after it was sent."""
        self._waited.labels(self._service, group).observe(max(0.0, seconds))

    def conflicts(self, count: int) -> None:
        """Streams that lost a race."""
        self._conflicts.inc(count)

    def dead_letter(self, stage: str, reason: str) -> None:
        """A record was set aside. Stages and reasons are words of the code, never a sender's."""
        self._dead.labels(self._service, stage, reason).inc()

    def batch(self, part: str, records: int, seconds: float, oldest: float | None) -> None:
        """One batch through its steps, in the ``loop`` or the ``gate``; `oldest` is the age of its oldest event."""
        self._records.labels(self._service, part).observe(records)
        self._batch.labels(self._service, part).observe(seconds)
        if oldest is not None:
            self._age.labels(self._service, part).observe(max(0.0, oldest))

    def steps(self, part: str, watch: Stopwatch) -> None:
        """Where the time of a batch went."""
        for step, seconds in watch.seconds.items():
            self._steps.labels(self._service, part, step).observe(seconds)

    def lag(self, lags: Mapping[Partition, int]) -> None:
        """What is not yet read of the partitions that are ours now.

        Tenants' topics are no labels of their own, since their number has no bound: those of a kind are one.
        """
        found: dict[tuple[str, str], int] = {}
        for (topic, partition), records in lags.items():
            head, *_, tail = topic.split(".")
            at = (topic, str(partition)) if head == "referrals" else (f"{head}.{tail}", "all")
            found[at] = found.get(at, 0) + records
        self._lag.clear()
        for (topic, number), records in found.items():
            self._lag.labels(self._service, topic, number).set(records)

    def silent(self, server: str, silent: bool) -> None:
        """Whether a server has not answered for a while."""
        self._silent.labels(self._service, server).set(silent)

    def places(self, places: Mapping[tuple[str, str], int], waiting: Mapping[tuple[str, str], int]) -> None:
        """All places by category and how they stand, and all who wait by category and urgency."""
        for gauge, counts in ((self._places, places), (self._waiting, waiting)):
            gauge.clear()
            for labels, count in counts.items():
                gauge.labels(self._service, *labels).set(count)
