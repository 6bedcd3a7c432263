"""Crashes on demand, for fault tests: the process dies by SIGKILL, as if the machine had lost power."""

import os
import signal
from collections.abc import Callable, Sequence

from ..ports import Log, OutgoingRecord

POINTS = {
    "decoded": "loop, step 1: nothing has happened yet",
    "loaded": "loop, step 2",
    "decided": "loop, step 3: nothing is on disk",
    "claimed": "loop, within step 4: places and keys are taken, but not yet for any stored fact",
    "stored": "loop, step 4: the facts are in the journal, but not published",
    "carried": "loop, within step 5: rows and timers are written, nothing is published",
    "torn": "loop, gate or ticker, while publishing: the first half is acknowledged, the rest not sent",
    "published": "loop, step 5: everything is published, the offset is not committed",
    "committed": "loop, step 6",
    "admitted": "gate: checked and sealed, nothing is passed on",
    "passed": "gate: passed on, the offset is not committed",
    "fired": "ticker: timers are published, but not deleted",
}
"""Where a service can be made to die."""


def crash_at(where: str) -> Callable[[str], None]:
    """A function to call at every point of `POINTS`, which kills the process at one of them.

    ``stored:20`` dies when step 4 is done for the 20th time. An empty text never dies.
    """
    point, _, count = where.partition(":")
    left = int(count or 0)

    def passed(current: str) -> None:
        nonlocal left
        if current == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return passed


def tearing(log: Log, where: str, fault: Callable[[str], None]) -> Log:
    """The log itself, or a log that publishes in two halves when the process is to die at ``torn``."""
    return _TornLog(log, fault) if where.startswith("torn:") else log


class _TornLog:
    """Publishes in two halves. Without it, one request would carry all messages, and no crash could come between."""

    def __init__(self, log: Log, fault: Callable[[str], None]) -> None:
        self._log = log
        self._fault = fault

    async def publish(self, messages: Sequence[OutgoingRecord]) -> dict[int, str]:
        """See `Log`."""
        half = len(messages) // 2
        if not half:
            return await self._log.publish(messages)
        refused = await self._log.publish(messages[:half])
        self._fault("torn")
        rest = await self._log.publish(messages[half:])
        return refused | {half + index: code for index, code in rest.items()}
