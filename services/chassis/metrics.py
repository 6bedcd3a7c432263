"""Prometheus metrics. Counted per batch, so that they cost nothing per event; labels are bounded."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contracts.base import PREFIX

from .ports import Partition

Kind = tuple[str, str]
"""An event's type and what became of it."""

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class Meter:
    """The metrics of one service. Names and meanings are listed in `registry.METRICS`."""

    def __init__(self, service: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._service = service
        one = ["service"]
        self._handled = Counter(
            "referrals_handled_total", "events", [*one, "event_type", "outcome"], registry=self.registry
        )
        self._skipped = Counter("referrals_skipped_total", "events", one, registry=self.registry).labels(service)
        self._dead = Counter("referrals_dead_letters_total", "records", one, registry=self.registry).labels(service)
        self._conflicts = Counter("referrals_conflicts_total", "streams", one, registry=self.registry).labels(service)
        self._warnings = Counter("referrals_warnings_total", "warnings", [*one, "warning"], registry=self.registry)
        self._seconds = Histogram(
            "referrals_batch_seconds", "seconds", one, buckets=_SECONDS, registry=self.registry
        ).labels(service)
        self._records = Histogram(
            "referrals_batch_records", "records", one, buckets=_RECORDS, registry=self.registry
        ).labels(service)
        self._lag = Gauge("referrals_lag_records", "records", [*one, "topic", "partition"], registry=self.registry)

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

    def conflicts(self, count: int) -> None:
        """Streams that lost a race."""
        self._conflicts.inc(count)

    def batch(self, records: int, dead_letters: int, seconds: float) -> None:
        """One batch through steps 1 to 5."""
        self._records.observe(records)
        self._seconds.observe(seconds)
        if dead_letters:
            self._dead.inc(dead_letters)

    def lag(self, lags: dict[Partition, int]) -> None:
        """What is not yet read. Tenants' topics are not labels of their own: their number has no bound."""
        for (topic, partition), records in lags.items():
            if topic.startswith("referrals."):
                self._lag.labels(self._service, topic, partition).set(records)
