"""Every service is killed at every point, with two instances of each, while referrals are under way.

They die by SIGKILL. Each of the loop's six steps has its point, and so have gate, ticker, and the middle of a
publication of several messages. A killed instance is started again, as a supervisor does, and dies at its next point,
until all have died often enough.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from .checker import SERVICES
from .world import FULL, Name, World, eventually

KILLS = 100 if FULL else 10
STEPS = ("decoded", "loaded", "decided", "stored", "published", "committed")
GATED = ("intake", "matching", "notification")
PUBLISHING = ("notification", "matching", "intake")
"""Services that often publish several messages at once; notification always does."""


def points() -> Iterator[tuple[str, str]]:
    """Service and point, again and again.

    The first six have every step, the seventh is in the middle of a publication, and the first 27 have every step of
    every loop.
    """
    while True:
        for turn in range(4):
            yield from ((SERVICES[(at + turn) % 4], step) for at, step in enumerate(STEPS))
            if turn < len(PUBLISHING):
                yield (PUBLISHING[turn], "torn")
        yield from ((service, point) for service in GATED for point in ("admitted", "passed"))
        yield ("matching", "claimed")
        yield from ((service, "carried") for service in SERVICES[1:])  # intake writes rows and timers too rarely
        yield from ((service, "fired") for service in ("matching", "notification"))


class Plan:
    """Where each service dies next. `done` counts the planned deaths that have happened."""

    def __init__(self, kills: int) -> None:
        self._left: dict[str, list[str]] = defaultdict(list)
        for (service, point), _ in zip(points(), range(kills), strict=False):
            self._left[service].append(point)
        self._chance = random.Random(kills)
        self._planned: dict[Name, str] = {}
        self.done: Counter[str] = Counter()

    def next_life(self, name: Name) -> str:
        """The point that ends the life that begins now: soon, but not always at the first batch."""
        if name in self._planned:
            self.done[self._planned.pop(name)] += 1
        left = self._left[name[0]]
        if not left:
            return ""
        point = left.pop(0)
        self._planned[name] = f"{name[0]}:{point}"
        return f"{point}:{self._chance.randint(1, 4)}"

    @property
    def finished(self) -> bool:
        return not self._planned and not any(self._left.values())


@pytest.mark.short
async def test_services_are_killed_at_every_step(here: World) -> None:
    plan = Plan(KILLS)
    async with here.busy("kills at named points", f"{KILLS}", hint=False) as fault:
        before = here.fleet.deaths.total()
        publishing = asyncio.create_task(_directories(here))
        here.fleet.next_life = plan.next_life
        try:
            for each in here.fleet.wanted.values():
                each.kill()  # so that the next life of each has its planned end
            await eventually(lambda: plan.finished, lambda: f"only these have died: {plan.done}", patience=1500)
        finally:
            here.fleet.next_life = lambda name: ""
            publishing.cancel()
        fault.lifted()
    assert plan.done.total() == KILLS
    assert here.fleet.deaths.total() - before >= KILLS


async def _directories(here: World) -> None:
    """Publish again and again, so that matching's gate has something to pass on, and a point to die at."""
    while True:
        for each in here.providers[:2]:
            await each.publish()
        await asyncio.sleep(0.5)


async def test_services_are_killed_at_any_moment(here: World) -> None:
    chance = random.Random(1)
    async with here.busy("kills at random moments", "20", hint=False) as fault:
        for _ in range(20):
            await here.progress(chance.randint(1, 8))
            chance.choice(list(here.fleet.wanted.values())).kill()
        fault.lifted()


@pytest.mark.parametrize("service", SERVICES)
async def test_all_instances_of_a_service_are_killed_at_once(here: World, service: str) -> None:
    async with here.busy("all instances of a service killed", service, hint=False) as fault:
        for name, each in here.fleet.wanted.items():
            if name[0] == service:
                each.kill()
        fault.lifted()
