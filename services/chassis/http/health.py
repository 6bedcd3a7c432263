"""/health/live, /health/ready and /metrics.

Live means progress, not that a process exists: a consumer can stall for good after a broker's restart without any
error (aiokafka #1154). So: records are waiting and none was settled for a minute = not alive, restart me. Ready means
started, and in touch with Kafka and MongoDB.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

import orjson
import structlog
from faststream.asgi import AsgiResponse, get
from prometheus_client import make_asgi_app

from ..ports import Partition
from ..telemetry.metrics import Meter

logger = structlog.get_logger()

_STALLED = 60.0
_SILENT = 15.0


class Health:
    """What one process knows of itself."""

    def __init__(
        self,
        meter: Meter,
        lags: Callable[[], dict[Partition, int]],
        missing: Callable[[], list[str]],
        time: Callable[[], float] = monotonic,
    ) -> None:
        self._meter = meter
        self._lags = lags
        self._missing = missing
        self._time = time
        self._last: dict[Partition, int] = {}
        self._moved = time()
        self._heard: dict[str, float] = {}
        self._missed: set[str] = set()

    def heard(self, server: str) -> None:
        """This server has just answered; ready as long as it does so often enough."""
        self._heard[server] = self._time()

    def look(self) -> None:
        """Note the lag, and say which server does not answer; called every tick.

        A server that is frozen, or behind a network that swallows everything, raises no error for a long time.
        """
        silent = set(self._silent())
        for server in silent - self._missed:
            logger.warning(
                "server_silent",
                reason=server,
                hint="it has not answered for a while; nothing is lost, all goes on by itself when it does",
            )
        for server in self._heard:
            self._meter.silent(server, server in silent)
        for server in self._missed - silent:
            logger.info("server_answers", reason=server)
        self._missed = silent
        lags = self._lags()
        if lags != self._last or not any(lags.values()):
            self._moved = self._time()
        self._last = lags
        self._meter.lag(lags)

    def _silent(self) -> list[str]:
        return [server for server, at in self._heard.items() if self._time() - at > _SILENT]

    def routes(self) -> list[tuple[str, Any]]:
        """For `AsgiFastStream`."""

        @get
        async def live(scope: Any) -> AsgiResponse:
            stalled = self._time() - self._moved if any(self._last.values()) else 0.0
            return _answer(stalled < _STALLED, {"lag": sum(self._last.values()), "stalled_s": round(stalled, 1)})

        @get
        async def ready(scope: Any) -> AsgiResponse:
            missing = self._missing() + self._silent()
            return _answer(not missing, {"waiting_for": missing})

        return [
            ("/health/live", live),
            ("/health/ready", ready),
            ("/metrics", make_asgi_app(self._meter.registry)),
        ]


def _answer(good: bool, body: dict[str, Any]) -> AsgiResponse:
    return AsgiResponse(
        orjson.dumps(body), status_code=200 if good else 503, headers={"content-type": "application/json"}
    )
