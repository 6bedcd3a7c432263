"""Ctrl-C while events are being sent: kept until those in flight are settled."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def deferred_interruption() -> Iterator[Callable[[], bool]]:
    """Defer Ctrl-C to the end of the block; yields a function that tells whether it was pressed.

    An exception while one delivery is reported would lose the reports of others. A second Ctrl-C is not deferred. A
    process that ignores Ctrl-C, as a shell's background jobs do, keeps ignoring it. Raises `KeyboardInterrupt` at the
    end of the block when Ctrl-C was pressed.
    """
    interruptions: list[int] = []

    def defer(number: int, _: Any) -> None:
        if interruptions:
            raise KeyboardInterrupt
        interruptions.append(number)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, defer)
    try:
        yield lambda: bool(interruptions)
    finally:
        signal.signal(signal.SIGINT, before)
    if interruptions:
        raise KeyboardInterrupt
