"""``/health/live``, ``/health/ready`` and ``/metrics``.

Live means progress, not that a process exists: a consumer can stall for good after a broker's restart without any error
(aiokafka issue 1154). So while records are waiting and none has been settled for a minute, the process is not live, and
its supervisor should restart it. Ready means that the service has started and that Kafka and MongoDB respond. A process
that waits for them is live, since a restart would help nothing.
"""

from collections.abc import Callable, Collection
from time import monotonic
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, make_asgi_app
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..ports import Partition
from ..telemetry.metrics import Meter

logger = structlog.get_logger()

_STALLED = 60.0
"""Seconds without progress after which a process is not live."""
_SILENT = 15.0
"""Seconds without a response after which a server counts as silent."""


class Health:
    """What one process knows about itself. `servers` are those that it needs before it can be ready."""

    def __init__(
        self,
        meter: Meter,
        lags: Callable[[], dict[Partition, int]],
        missing: Callable[[], list[str]],
        time: Callable[[], float] = monotonic,
        servers: Collection[str] = (),
    ) -> None:
        self._meter = meter
        self._lags = lags
        self._missing = missing
        self._time = time
        self._last_lags: dict[Partition, int] = {}
        self._progressed_at = time()
        self._awaited = set(servers)
        """The servers that have not responded since the process started."""
        self._responded_at = dict.fromkeys(servers, time())
        self._silent_servers: set[str] = set()

    def responded(self, server: str) -> None:
        """Note that this server has just responded. The process is ready as long as it does so often enough."""
        self._responded_at[server] = self._time()
        self._awaited.discard(server)

    def check(self) -> None:
        """Measure the lag, and report servers that fall silent or respond again. Called on every tick.

        A server that is frozen, or behind a network that drops everything, raises no error for a long time.
        """
        silent = set(self._silent())
        for server in silent - self._silent_servers:
            logger.warning(
                "server_silent",
                reason=server,
                hint="it has not responded for a while; nothing is lost, and work continues by itself once it does",
            )
        for server in self._responded_at:
            self._meter.silent(server, server in silent)
        for server in self._silent_servers - silent:
            logger.info("server_answers", reason=server)
        self._silent_servers = silent
        lags = self._lags()
        if lags != self._last_lags or not any(lags.values()):
            self._progressed_at = self._time()
        self._last_lags = lags
        self._meter.lag(lags)

    def routes(self) -> list[Route]:
        """The three routes, open to anyone who can reach the port."""
        return [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
            Route("/metrics", _Metrics(self._meter.registry)),
        ]

    async def _live(self, _: Request) -> Response:
        stalled = self._time() - self._progressed_at if any(self._last_lags.values()) else 0.0
        return _json(stalled < _STALLED, {"lag": sum(self._last_lags.values()), "stalled_s": round(stalled, 1)})

    async def _ready(self, _: Request) -> Response:
        missing = [*self._missing(), *sorted(self._awaited.union(self._silent()))]
        return _json(not missing, {"waiting_for": missing})

    def _silent(self) -> list[str]:
        return [server for server, at in self._responded_at.items() if self._time() - at > _SILENT]


class _Metrics:
    """Prometheus' own application, as an object: Starlette would call a plain function with a request."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._app = make_asgi_app(registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _json(healthy: bool, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), 200 if healthy else 503, media_type="application/json")
