"""Prometheus metrics. Counted once per batch, so that they cost nothing per event; all labels are bounded.

Name, kind, labels and help of each metric are in `catalogue.METRICS`. To add a metric, define it there, create it in
`Meter` and add the method that sets it.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from contracts.base import PREFIX

from ..ports import Partition
from .catalogue import FAULTS_OF_OURS, METRICS, WARNINGS

M = TypeVar("M", Counter, Gauge, Histogram, Summary)

TypeAndOutcome = tuple[str, str]
"""An event's type and what became of it."""


class Stopwatch:
    """Where the time of a batch goes, in seconds by step."""

    def __init__(self) -> None:
        self.started = self._last = perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """Count the time since the last lap towards this step. A step may come more than once."""
        now = perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now


def create(kind: type[M], name: str, registry: CollectorRegistry) -> M:
    """The metric that the catalogue defines under this name, which must be of this kind."""
    metric = METRICS[name]
    options: dict[str, Any] = {"buckets": metric.buckets} if metric.buckets else {}
    created = kind(name, metric.meaning, metric.labels, registry=registry, **options)
    if created._type != metric.kind:
        raise TypeError(f"{name} is a {metric.kind} in the catalogue, not a {created._type}")
    return created


class Meter:
    """The metrics of one service. `services.chassis.telemetry.catalogue.METRICS` says what each one means."""

    def __init__(self, service: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = into = registry or CollectorRegistry()
        self._service = service
        self._handled = create(Counter, "referrals_handled_total", into)
        self._skipped = create(Counter, "referrals_skipped_total", into).labels(service)
        self._dead_letters = create(Counter, "referrals_dead_letters_total", into)
        self._conflicts = create(Counter, "referrals_conflicts_total", into).labels(service)
        self._warnings = create(Counter, "referrals_warnings_total", into)
        self._overdue = create(Counter, "referrals_overdue_total", into)
        self._batch = create(Histogram, "referrals_batch_seconds", into)
        self._steps = create(Histogram, "referrals_step_seconds", into)
        self._records = create(Histogram, "referrals_batch_records", into)
        self._age = create(Histogram, "referrals_event_age_seconds", into)
        self._ended = create(Counter, "referrals_group_ended_total", into)
        self._waited = create(Summary, "referrals_group_wait_seconds", into)
        self._lag = create(Gauge, "referrals_lag_records", into)
        self._lost = create(Gauge, "referrals_lost_records", into)
        self._silent = create(Gauge, "referrals_server_silent", into)
        self._places = create(Gauge, "referrals_places", into)
        self._waiting = create(Gauge, "referrals_waiting_needs", into)
        # Prometheus sees no increase in a counter that first appears with a value of 1: what matters starts at 0.
        for warning in WARNINGS:
            self._warnings.labels(service, warning)
        for stage, reason in FAULTS_OF_OURS:
            self._dead_letters.labels(service, stage, reason)

    def handled(self, counts: Mapping[TypeAndOutcome, int]) -> None:
        """Count the events of a batch. Only types from the catalogue come here, so the label is bounded."""
        for (event_type, outcome), events in counts.items():
            self._handled.labels(self._service, event_type.removeprefix(PREFIX), outcome).inc(events)

    def skipped(self) -> None:
        """Count an event of a type that the service does not handle."""
        self._skipped.inc()

    def warned(self, warning: str) -> None:
        """Count a warning to operators; `warning` is the log line's event. Raises `ValueError` for one not listed.

        The alerts name the listed ones: a warning under another name would be counted, and alert nobody.
        """
        if warning not in WARNINGS:
            raise ValueError(f"{warning} is not in the catalogue's WARNINGS")
        self._warnings.labels(self._service, warning).inc()

    def overdue(self, clock: str) -> None:
        """Count a deadline that a provider has missed."""
        self._overdue.labels(self._service, clock).inc()

    def ended(self, group: str, end: str) -> None:
        """Count a need of a group that has ended."""
        self._ended.labels(self._service, group, end).inc()

    def waited(self, group: str, seconds: float) -> None:
        """Observe how long a need of a group has waited for its first match since it was sent."""
        self._waited.labels(self._service, group).observe(max(0.0, seconds))

    def conflicts(self, count: int) -> None:
        """Count streams that have lost a race."""
        self._conflicts.inc(count)

    def dead_letter(self, stage: str, reason: str) -> None:
        """Count a record that was set aside. Stages and reasons come from the code, never from a sender."""
        self._dead_letters.labels(self._service, stage, reason).inc()

    def batch(self, part: str, records: int, seconds: float, oldest: float | None) -> None:
        """Observe a batch of the ``loop`` or the ``gate``; `oldest` is the age of its oldest event in seconds."""
        self._records.labels(self._service, part).observe(records)
        self._batch.labels(self._service, part).observe(seconds)
        if oldest is not None:
            self._age.labels(self._service, part).observe(max(0.0, oldest))

    def steps(self, part: str, watch: Stopwatch) -> None:
        """Observe where the time of a batch went."""
        for step, seconds in watch.seconds.items():
            self._steps.labels(self._service, part, step).observe(seconds)

    def lag(self, lags: Mapping[Partition, int]) -> None:
        """Set the number of records not yet read, for the partitions that are ours now.

        Tenants' topics have no labels of their own, since their number is unbounded: all topics of a kind share one.
        """
        records_by_label: dict[tuple[str, str], int] = {}
        for (topic, partition), records in lags.items():
            label = (_topic_label(topic), str(partition) if _is_ours(topic) else "all")
            records_by_label[label] = records_by_label.get(label, 0) + records
        self._lag.clear()
        for (topic, number), records in records_by_label.items():
            self._lag.labels(self._service, topic, number).set(records)

    def lost(self, lost: Mapping[Partition, int]) -> None:
        """Add records that Kafka deleted before they were read. See `lag` for tenants' topics."""
        for (topic, _), records in lost.items():
            self._lost.labels(self._service, _topic_label(topic)).inc(records)

    def silent(self, server: str, silent: bool) -> None:
        """Set whether a server has not responded for a while."""
        self._silent.labels(self._service, server).set(silent)

    def places(self, places: Mapping[tuple[str, str], int], waiting: Mapping[tuple[str, str], int]) -> None:
        """Set the number of places by category and state, and of waiting needs by category and urgency."""
        for gauge, counts in ((self._places, places), (self._waiting, waiting)):
            gauge.clear()
            for labels, count in counts.items():
                gauge.labels(self._service, *labels).set(count)


def _is_ours(topic: str) -> bool:
    return topic.startswith("referrals.")


def _topic_label(topic: str) -> str:
    """The topic itself, or for a tenant's topic its kind: ``agency.referrals``."""
    head, *_, tail = topic.split(".")
    return topic if _is_ours(topic) else f"{head}.{tail}"
