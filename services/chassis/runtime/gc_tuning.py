"""The garbage collector, told what this process is like: it keeps many small states for long, and makes few cycles.

Walking what a batch made and keeps, and what has long been kept, costs 20 to 40 microseconds an event. So it is set
aside without a look (which costs nothing), and all is walked together, seldom.
"""

import gc
from time import monotonic

_SELDOM = 300.0
"""Seconds from one whole collection to the next, each of some 0.2 seconds at 20,000 cached streams."""

_last = monotonic()


def tune_gc() -> None:
    """Once, when all is wired."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)  # more than one batch makes


def set_aside() -> None:
    """After each batch: what there is now is not walked before the next whole collection."""
    global _last
    if monotonic() - _last > _SELDOM:
        gc.unfreeze()
        gc.collect()
        _last = monotonic()
    gc.freeze()
