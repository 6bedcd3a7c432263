"""The live view of a demo: it ends when all is done, at its deadline, or with the error of a task."""

import asyncio
import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from deploy.demo.progress import DemoProgress
from deploy.demo.watch import Watch


class BrokenError(Exception):
    """Raised by a task."""


async def breaks() -> None:
    raise BrokenError


def progress(*tasks: asyncio.Task[None]) -> DemoProgress:
    return DemoProgress(Console(file=io.StringIO()), Watch(), tasks, 0, lambda: datetime.now(UTC))


async def test_it_ends_when_all_is_done_or_the_time_is_over() -> None:
    await progress().show_until(lambda: True, patience=60)
    await progress().show_until(lambda: False, patience=0)


async def test_the_error_of_a_task_is_raised() -> None:
    task = asyncio.create_task(breaks())
    await asyncio.sleep(0)
    with pytest.raises(BrokenError):
        await progress(task).show_until(lambda: False, patience=60)


async def test_its_tasks_are_cancelled_at_the_end() -> None:
    task: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(60))
    await progress(task).stop([])
    assert task.cancelled()
