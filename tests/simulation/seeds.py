"""Many runs, on all cores. Always in processes of their own: how they log must not stay behind in a test run."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tests.support.processes import pool

from .run import run

_SHARE = 25
T = TypeVar("T")


def many(seeds: Iterable[int]) -> list[str]:
    """All that is wrong with any."""
    with pool("simulation") as processes:
        return [fault for fault in processes.map(fault_of, seeds, chunksize=_SHARE) if fault is not None]


def apart(what: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """Call it in a process that starts as a copy of this one."""
    with pool("simulation", 1) as processes:
        return processes.submit(what, *arguments, **more).result()


def fault_of(seed: int, **broken: Any) -> str | None:
    """What is wrong with a seed's run; None where nothing is."""
    try:
        asyncio.run(run(seed, **broken))
    except AssertionError as fault:
        return f"seed {seed}: {fault}"
    return None


def first_fault(seeds: Iterable[int], **broken: Any) -> str | None:
    """Of the first seed that has one."""
    return next((fault for seed in seeds if (fault := fault_of(seed, **broken)) is not None), None)


def digests(seeds: Iterable[int]) -> list[str]:
    """What each run published."""
    return [asyncio.run(run(seed)) for seed in seeds]
