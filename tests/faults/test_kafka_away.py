"""Kafka is killed, frozen or restarted under load: services wait and say so, and go on by themselves."""

import asyncio

import pytest

from .world import World, eventually


@pytest.mark.short
async def test_kafka_is_killed_and_comes_back(here: World) -> None:
    async with here.busy("kafka killed") as fault:
        here.stack.kafka.kill()
        await asyncio.sleep(5)
        await asyncio.to_thread(here.stack.kafka.start)
        fault.lifted()


@pytest.mark.short
async def test_kafka_is_frozen_for_longer_than_a_session(here: World) -> None:
    async with here.busy("kafka frozen for 8 s", hint=False) as fault:  # too short for anybody to have noticed
        before = here.fleet.pids
        here.stack.kafka.freeze()
        try:
            await asyncio.sleep(8)
        finally:
            here.stack.kafka.thaw()
        fault.lifted()
        assert here.fleet.pids == before, "a service died of a silent server"


async def test_kafka_is_frozen_until_services_are_not_ready(here: World) -> None:
    async with here.busy("kafka frozen for half a minute") as fault:
        before = here.fleet.pids
        here.stack.kafka.freeze()
        try:
            await here.fleet.not_ready()
            await eventually(fault.hints, "somebody says so")
        finally:
            here.stack.kafka.thaw()
        fault.lifted()
        assert here.fleet.pids == before, "a service died of a silent server"


async def test_kafka_is_restarted_the_orderly_way(here: World) -> None:
    async with here.busy("kafka restarted", hint=False) as fault:
        await asyncio.to_thread(here.stack.kafka.stop)
        await asyncio.to_thread(here.stack.kafka.start)
        fault.lifted()


async def test_while_kafka_is_away_services_are_not_ready_and_do_not_die(here: World) -> None:
    async with here.busy("kafka away for half a minute") as fault:
        before = here.fleet.pids
        here.stack.kafka.kill()
        await here.fleet.not_ready()
        await asyncio.sleep(10)
        assert here.fleet.pids == before, "a service died of a server that is away"
        await asyncio.to_thread(here.stack.kafka.start)
        fault.lifted()
