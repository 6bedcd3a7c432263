"""One run: random steps, then everything is brought to its end without failures, then the checks."""

import hashlib
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from contracts import topics
from services.chassis.engine.loop import Loop
from services.chassis.errors import TransientError
from tests.support.memory_twins import MemoryStore

from . import checks
from .people import TENANTS, People
from .world import World

_ROUNDS = 240
"""At most so many rounds of an hour and a half until all needs have ended. Long enough for three attempts and for the
end of every wait, one after another where needs of one person waited for each other."""

_MOST_SWEEPS = 30
"""Sweeps until everything is at rest. A need that is recalled may free a place for the next."""

_WEIGHTS = {
    "handle_batch": 40,
    "admit": 14,
    "fire_timers": 8,
    "sweep": 4,
    "answer": 16,
    "submit": 4,
    "send_again": 4,
    "withdraw": 1,
    "request_status": 1,
    "request_recommendation": 1,
    "advance_time": 6,
    "fail_next_call": 3,
    "scale": 2,
    "correct": 1,
    "correct_person": 1,
    "publish_again": 1,
    "change_consent": 4,
    "acknowledge_recall": 2,
}
"""How often each step is picked, relative to the others."""


async def run(seed: int, loop: type[Loop[Any]] = Loop, store: type[MemoryStore] = MemoryStore, steps: int = 120) -> str:
    """Returns a digest of all that was published. Raises `AssertionError` if a promise is broken."""
    world = World(seed, TENANTS, loop, store)
    people = People(world, world.rng)
    people.publish_directories()
    world.start()
    people.submit()
    for _ in range(steps):
        await _random_step(world, people)
        checks.during_the_run(world)
    await end_all(world, people)
    checks.after_the_end(world, people)
    return _digest(world)


async def _random_step(world: World, people: People) -> None:
    rng = world.rng
    service = world.services[rng.choice(topics.SERVICES)]
    match rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]:
        case "handle_batch":
            await world.handle_batch(service)
        case "admit":
            await world.admit(service)
        case "fire_timers":
            await _may_fail(world.fire_timers(service))
        case "sweep":
            await _may_fail(world.sweep())
        case "advance_time":
            world.clock.advance(minutes=rng.choice((1, 20, 90)))
        case "fail_next_call":
            world.fail_next_call(service)
        case "scale":
            world.scale(service)
        case what_people_do:
            getattr(people, what_people_do)()


async def _may_fail(job: Awaitable[Any]) -> None:
    with suppress(TransientError):  # the service repeats a periodic job by itself
        await job


async def end_all(world: World, people: People) -> None:
    """Without failures, lets providers deliver and time pass until every need has ended."""
    world.stop_failures()
    await _comes_to_rest(world)  # while needs wait and offers are open
    for round_ in range(_ROUNDS):
        await world.settle()
        if round_ % 4 == 0:
            people.deliver_all()
            await world.settle()
            if people.knows_every_end():
                break
        world.clock.advance(minutes=90)
        for service in world.services.values():
            await world.fire_timers(service, faultless=True)
            await world.fire_timers(service, faultless=True)
        await world.sweep()
    await _comes_to_rest(world)  # a sweep releases the rows that a crash has left behind


async def _comes_to_rest(world: World) -> None:
    """Handle what there is, and sweep until nothing is sent any more."""
    for _ in range(_MOST_SWEEPS):
        await world.settle()
        if not await world.sweep():
            return
    raise AssertionError("events are sent without end, although nothing happens")


def _digest(world: World) -> str:
    """Of the ids of all records, in their places. Ciphertexts differ from run to run; what happens must not."""
    digest = hashlib.sha256()
    for topic in sorted(world.log.topics):
        if topic == topics.DEAD_LETTERS:
            continue
        for record in world.log.read(topic):
            digest.update(f"{record.topic}/{record.partition}/{dict(record.headers)['ce_id']!r}\n".encode())
    return digest.hexdigest()
