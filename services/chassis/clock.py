"""The clock port. All times in decisions come from here, so that a demo or a test can let a day pass in a minute."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a faster clock starts unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time, run `speed` times faster from `origin` on. With speed 1 it is the wall clock.

    Processes that share `origin` and `speed` agree on the time.
    """

    origin: datetime = EPOCH
    speed: float = 1.0

    def now(self) -> datetime:
        """The present, aware, UTC."""
        return self.at(time.time() * 1000)

    def at(self, epoch_ms: float) -> datetime:
        """What this clock showed at a wall time, such as a broker's append time, in milliseconds since 1970."""
        wall = datetime.fromtimestamp(epoch_ms / 1000, UTC)
        return wall if self.speed == 1.0 else self.origin + (wall - self.origin) * self.speed

    def real(self, span: timedelta) -> float:
        """How many wall seconds a span of this clock takes."""
        return span.total_seconds() / self.speed
