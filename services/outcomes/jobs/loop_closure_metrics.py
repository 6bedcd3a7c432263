"""Loop-closure as Prometheus metrics: gauges, set anew from the rows, so that they never drift from the journal."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from contracts.words import Urgency

from ..domain.loop_closure import Closure

_MOST = 3
"""Re-routes from here on are one label."""


class ClosureMeter:
    """Names and meanings: `services.chassis.telemetry.catalogue.METRICS`. Each instance shows the whole."""

    def __init__(self, registry: CollectorRegistry) -> None:
        one = ["urgency"]
        self._needs = Gauge("referrals_closure_needs", "needs", [*one, "stands"], registry=registry)
        self._seconds = Gauge("referrals_closure_seconds", "seconds", [*one, "until", "quantile"], registry=registry)
        self._reroutes = Gauge("referrals_closure_reroutes", "ended needs", [*one, "reroutes"], registry=registry)

    def show(self, measured: Mapping[Urgency, Closure]) -> None:
        """Set all of them. What there are no needs of is not shown, which is not the same as a time of zero."""
        self._seconds.clear()
        for urgency, closure in measured.items():
            for stands, count in (("sent", closure.needs), ("ended", closure.ended), ("told", closure.told)):
                self._needs.labels(urgency.value, stands).set(count)
            for until in closure.seconds:
                if found := closure.quantiles(until):
                    for quantile, seconds in zip(("0.5", "0.9"), found, strict=True):
                        self._seconds.labels(urgency.value, until, quantile).set(seconds)
            for least in range(_MOST + 1):
                label = f"{least}+" if least == _MOST else str(least)
                count = sum(n for r, n in closure.reroutes.items() if r == least or r > least == _MOST)
                self._reroutes.labels(urgency.value, label).set(count)
