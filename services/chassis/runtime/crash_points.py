"""A crash on order, for fault tests: the process dies by SIGKILL, as if the machine had lost its power."""

import os
import signal
from collections.abc import Callable, Sequence

from ..ports import Log, OutgoingRecord

POINTS = {
    "decoded": "loop, step 1: nothing has happened yet",
    "loaded": "loop, step 2",
    "decided": "loop, step 3: nothing is on disk",
    "claimed": "loop, within step 4: places and keys are taken, and nothing says for what",
    "stored": "loop, step 4: in the journal, and nobody has been told",
    "carried": "loop, within step 5: rows and timers are written, nothing is published",
    "torn": "loop, gate or ticker, amid publishing: the first half is acknowledged, the rest not sent",
    "published": "loop, step 5: all is told, and the offset not committed",
    "committed": "loop, step 6",
    "admitted": "gate: checked and sealed, nothing is passed on",
    "passed": "gate: passed on, and the offset not committed",
    "fired": "ticker: timers are published, and still there",
}
"""Where a service can be told to die."""


def crash_at(where: str) -> Callable[[str], None]:
    """``stored:20`` dies when that step is done for the 20th time; an empty text never does. `POINTS` has them."""
    step, _, count = where.partition(":")
    left = int(count or 0)

    def passed(now: str) -> None:
        nonlocal left
        if now == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return passed


def tearing(log: Log, where: str, fault: Callable[[str], None]) -> Log:
    """The log itself; only where a process is to die at ``torn``, one that publishes in halves."""
    return _Torn(log, fault) if where.startswith("torn:") else log


class _Torn:
    """A client sends all it has in one request, so that nothing would be found between its messages."""

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
