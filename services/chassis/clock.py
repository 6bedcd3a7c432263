"""The clock port. All times in decisions come from here, so that a demo or a test can let a day pass in a minute."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where an accelerated clock starts, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time since `origin`, `speed` times as fast as real time. With speed 1 it is the real time.

    Processes that share `origin` and `speed` agree on the time.
    """

    origin: datetime = EPOCH
    speed: float = 1.0

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        return self.at(time.time() * 1000)

    def at(self, epoch_ms: float) -> datetime:
        """This clock's time at a real time in milliseconds since 1970, such as a broker's append time."""
        real_time = datetime.fromtimestamp(epoch_ms / 1000, UTC)
        return real_time if self.speed == 1.0 else self.origin + (real_time - self.origin) * self.speed

    def real(self, span: timedelta) -> float:
        """How many real seconds a span of this clock takes."""
        return span.total_seconds() / self.speed
