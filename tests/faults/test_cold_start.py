"""Everything is killed at once and started in any order: it continues where it was."""

import asyncio

import pytest

from deploy.local.process import Process

from .world import World


@pytest.mark.parametrize("order", ["kafka first", "mongo first", "both at once"])
async def test_both_servers_are_killed_and_come_back(here: World, order: str) -> None:
    async with here.busy("both servers killed", order) as fault:
        first, second = _both(here, order)
        first.kill()
        second.kill()
        await asyncio.sleep(5)
        await _start(first, second, order)
        fault.lifted()


@pytest.mark.parametrize("order", ["kafka first", "mongo first"])
async def test_servers_and_services_are_killed_at_once_and_services_come_first(here: World, order: str) -> None:
    async with here.busy("everything killed, and the services start first", order) as fault:
        first, second = _both(here, order)
        for each in (first, second, *here.fleet.wanted.values()):
            each.kill()
        await asyncio.sleep(5)  # meanwhile the supervisor has started the services again, without servers
        await _start(first, second, order)
        fault.lifted()


def _both(here: World, order: str) -> tuple[Process, Process]:
    first, second = here.stack.kafka, here.stack.mongo
    return (second, first) if order == "mongo first" else (first, second)


async def _start(first: Process, second: Process, order: str) -> None:
    if order == "both at once":
        await asyncio.gather(asyncio.to_thread(first.start), asyncio.to_thread(second.start))
        return
    await asyncio.to_thread(first.start)
    await asyncio.sleep(5)
    await asyncio.to_thread(second.start)
