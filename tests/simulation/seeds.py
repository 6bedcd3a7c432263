"""Many runs, on all cores."""

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from services.chassis import logs

from .run import run

_SHARE = 25


def one(seed: int) -> str | None:
    """What is wrong with a seed's run; None where nothing is."""
    logs.configure("simulation", "critical")
    try:
        asyncio.run(run(seed))
    except AssertionError as fault:
        return f"seed {seed}: {fault}"
    return None


def many(seeds: Iterable[int]) -> list[str]:
    """All that is wrong with any."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return [fault for fault in pool.map(one, seeds, chunksize=_SHARE) if fault is not None]
