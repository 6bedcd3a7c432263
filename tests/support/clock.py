"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

from services.chassis.clock import Clock

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class HandClock(Clock):
    """Replaces `Clock`. Only `advance` moves it."""

    __slots__ = ("_now",)

    def __init__(self, start: datetime = START) -> None:
        super().__init__()
        object.__setattr__(self, "_now", start)

    def now(self) -> datetime:
        return self._now

    def advance(self, **span: float) -> datetime:
        object.__setattr__(self, "_now", self._now + timedelta(**span))
        return self._now


async def no_pause(_: float) -> None:
    """For `Loop(sleep=…)`: backing off without waiting."""
