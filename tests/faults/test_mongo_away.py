"""MongoDB is killed, frozen or restarted under load: services wait and say so, and go on by themselves."""

import asyncio

import pytest

from .world import World, eventually


@pytest.mark.short
async def test_mongo_is_killed_and_comes_back(here: World) -> None:
    async with here.busy("mongo killed") as fault:
        here.stack.mongo.kill()
        await asyncio.sleep(6)
        await asyncio.to_thread(here.stack.mongo.start)
        fault.lifted()


@pytest.mark.short
async def test_mongo_is_frozen_for_longer_than_an_operation_may_take(here: World) -> None:
    async with here.busy("mongo frozen") as fault:
        before = here.fleet.pids
        here.stack.mongo.freeze()
        try:
            await eventually(fault.hints, "somebody says so")
        finally:
            here.stack.mongo.thaw()
        fault.lifted()
        assert here.fleet.pids == before, "a service died of a silent server"


async def test_mongo_is_restarted_the_orderly_way(here: World) -> None:
    async with here.busy("mongo restarted", hint=False) as fault:
        await asyncio.to_thread(here.stack.mongo.stop)
        await asyncio.to_thread(here.stack.mongo.start)
        fault.lifted()


async def test_while_mongo_is_away_services_are_not_ready_and_do_not_die(here: World) -> None:
    async with here.busy("mongo away for half a minute") as fault:
        before = here.fleet.pids
        here.stack.mongo.kill()
        await here.fleet.not_ready()
        await asyncio.sleep(10)
        assert here.fleet.pids == before, "a service died of a server that is away"
        await asyncio.to_thread(here.stack.mongo.start)
        fault.lifted()
