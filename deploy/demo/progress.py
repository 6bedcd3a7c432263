"""Shows the progress of a demo on the terminal until it is done, and stops its tasks at the end."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from rich.console import Console
from rich.live import Live

from . import show
from .watch import Watch


@dataclass(frozen=True)
class DemoProgress:
    """The running tasks of a demo. `planned` is the number of referrals, `now` the demo's clock."""

    console: Console
    watch: Watch
    tasks: Sequence[asyncio.Task[Any]]
    planned: int
    now: Callable[[], datetime]

    async def show_until(self, done: Callable[[], bool], patience: float) -> None:
        """Show the progress until `done` is true or `patience` seconds have passed. Raises what a task raises."""
        deadline = time.monotonic() + patience
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not done() and time.monotonic() < deadline:
                live.update(show.progress(self.watch, self.planned, self.now()), refresh=True)
                for task in self.tasks:
                    if task.done() and not task.cancelled() and (error := task.exception()):
                        raise error
                await asyncio.sleep(0.5)

    async def stop(self, clients: Sequence[AIOKafkaConsumer | AIOKafkaProducer]) -> None:
        """Cancel all tasks, then close the clients that they used."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(*(each.stop() for each in clients))
