"""Runs many seeds on all cores, in child processes, so that their log configuration does not leak into a test run."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tests.support.processes import pool

from .run import run

_CHUNK = 10
"""Seeds that a process takes at a time: few enough that all cores finish together."""
T = TypeVar("T")


def faults_of(seeds: Iterable[int]) -> list[str]:
    """A line for each seed whose run breaks a promise."""
    with pool("simulation") as processes:
        return [fault for fault in processes.map(fault_of, seeds, chunksize=_CHUNK) if fault is not None]


def in_child_process(function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """The result of the call, made in a child process that starts as a copy of this one."""
    with pool("simulation", 1) as processes:
        return processes.submit(function, *arguments, **options).result()


def fault_of(seed: int, **broken: Any) -> str | None:
    """What is wrong with a seed's run; None if nothing is. `broken` replaces parts of the system: see `run`."""
    try:
        asyncio.run(run(seed, **broken))
    except AssertionError as fault:
        return f"seed {seed}: {fault}"
    return None


def first_fault(seeds: Iterable[int], **broken: Any) -> str | None:
    """The fault of the first seed that has one; None if none has."""
    return next((fault for seed in seeds if (fault := fault_of(seed, **broken)) is not None), None)


def digests(seeds: Iterable[int]) -> list[str]:
    """A digest of what each run published."""
    return [asyncio.run(run(seed)) for seed in seeds]
