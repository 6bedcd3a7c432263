"""Periodic jobs of a service, each in a task of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from ..errors import FatalError, TransientError, where

logger = structlog.get_logger()

Job = Callable[[], Awaitable[Any]]


class PeriodicJobs:
    """Runs each job again and again. A job that raises `TransientError` simply runs again at its next turn.

    `before_each` is called before every run. `fatal` is called with a reason when the process cannot go on.
    """

    def __init__(self, before_each: Callable[[], None], fatal: Callable[[str], None]) -> None:
        self._before_each = before_each
        self._fatal = fatal
        self._jobs: list[tuple[float, Job]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, seconds: float, job: Job) -> None:
        """Run `job` every so many real seconds, for the first time after one such interval."""
        self._jobs.append((seconds, job))

    def start(self) -> None:
        """Start all jobs."""
        self._tasks = [asyncio.create_task(self._repeat(seconds, job)) for seconds, job in self._jobs]

    async def stop(self) -> None:
        """Cancel all jobs, and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, seconds: float, job: Job) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                self._before_each()
                await job()
            except TransientError as error:
                logger.warning(
                    "job_postponed", reason=str(error), retry_in_s=seconds, hint="it is retried automatically"
                )
            except FatalError as error:
                self._fatal(str(error))
            except Exception as error:  # noqa: BLE001  # Fatal: a bug of ours
                self._fatal(f"{type(error).__name__} in a periodic job, {where(error)}")
