"""The garbage collector, told what this process is like."""

import gc


def tune_gc() -> None:
    """Once, when all is wired: a cache of many small states would else be walked by every full collection.

    Costs 20 to 40 microseconds an event otherwise.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
