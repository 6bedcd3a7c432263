"""A crash on order, for fault tests: the process dies by SIGKILL, as if the machine had lost its power."""

import os
import signal
from collections.abc import Callable


def crash_at(where: str) -> Callable[[str], None]:
    """``stored:20`` dies when that step of the loop is done for the 20th time; an empty text never does.

    Steps: decoded, loaded, decided, stored, published, committed.
    """
    step, _, count = where.partition(":")
    left = int(count or 0)

    def passed(now: str) -> None:
        nonlocal left
        if now == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return passed
