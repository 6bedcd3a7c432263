"""How long a batch that failed waits until it is delivered again."""

_FIRST = 0.2
_LONGEST = 5.0
"""Seconds."""


class Backoff:
    """Pauses that double from 0.2 to 5 seconds and stay there, however long an outage lasts.

    It keeps the pause itself and does not count failures, so that nothing in it can grow or overflow.
    """

    def __init__(self) -> None:
        self._next = _FIRST

    def pause(self) -> float:
        """The seconds to wait after one more failure."""
        pause, self._next = self._next, min(2 * self._next, _LONGEST)
        return pause

    def reset(self) -> None:
        """A batch has been settled: the next failure waits for the shortest time again."""
        self._next = _FIRST
