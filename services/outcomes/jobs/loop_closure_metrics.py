"""Loop closure as Prometheus gauges. They are computed from the rows each time, so they always match the journal."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from contracts.words import Urgency
from services.chassis.telemetry.metrics import create

from ..domain.loop_closure import Closure

_MOST_REROUTES = 3
"""This many re-routes and more share one label."""


class ClosureMeter:
    """The gauges. `services.chassis.telemetry.catalogue.METRICS` has their meanings. Each instance shows all needs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._needs = create(Gauge, "referrals_closure_needs", registry)
        self._seconds = create(Gauge, "referrals_closure_seconds", registry)
        self._reroutes = create(Gauge, "referrals_closure_reroutes", registry)

    def show(self, measured: Mapping[Urgency, Closure]) -> None:
        """Set all gauges. A time that no need has is not shown, since that is not a time of zero."""
        self._seconds.clear()
        for urgency, closure in measured.items():
            for stands, count in (("sent", closure.needs), ("ended", closure.ended), ("told", closure.reported)):
                self._needs.labels(urgency.value, stands).set(count)
            for until in closure.seconds:
                if quantiles := closure.quantiles(until):
                    for quantile, seconds in zip(("0.5", "0.9"), quantiles, strict=True):
                        self._seconds.labels(urgency.value, until, quantile).set(seconds)
            for number in range(_MOST_REROUTES):
                self._reroutes.labels(urgency.value, str(number)).set(closure.reroutes.get(number, 0))
            most = sum(count for number, count in closure.reroutes.items() if number >= _MOST_REROUTES)
            self._reroutes.labels(urgency.value, f"{_MOST_REROUTES}+").set(most)
