"""Kafka or MongoDB is killed, frozen or restarted under load: services wait, report it, and continue by themselves."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local.process import Process

from .world import Fault, World, eventually

either = pytest.mark.parametrize("name", ["kafka", "mongo"])


@pytest.mark.short  # the shortest test that has both a silent server and one that is gone
@either
async def test_a_server_freezes_is_killed_and_comes_back(here: World, name: str) -> None:
    server = _server(here, name)
    async with here.busy(f"{name} frozen, then killed") as fault:
        before = here.fleet.pids
        server.freeze()
        await asyncio.sleep(6)  # longer than an operation may take, and a session lasts
        server.kill()
        await asyncio.to_thread(server.start)
        fault.lifted()
        assert here.fleet.pids == before, "a service died because a server was away"


@either
async def test_a_server_is_killed_and_comes_back(here: World, name: str) -> None:
    server = _server(here, name)
    async with here.busy(f"{name} killed") as fault:
        server.kill()
        await asyncio.sleep(5)
        await asyncio.to_thread(server.start)
        fault.lifted()


@either
async def test_a_server_is_stopped_and_started(here: World, name: str) -> None:
    server = _server(here, name)
    async with here.busy(f"{name} restarted", hint=False) as fault:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        fault.lifted()


@either
async def test_services_without_a_server_are_not_ready_and_do_not_die(here: World, name: str) -> None:
    server = _server(here, name)
    async with here.busy(f"{name} away for half a minute") as fault:
        before = here.fleet.pids
        server.kill()
        await here.fleet.not_ready()
        await asyncio.sleep(10)
        assert here.fleet.pids == before, "a service died because a server was away"
        await asyncio.to_thread(server.start)
        fault.lifted()


@either
async def test_it_is_frozen_until_services_are_not_ready(here: World, name: str) -> None:
    async with here.busy(f"{name} frozen until services are not ready") as fault:
        with _frozen(here, name, fault):
            await here.fleet.not_ready()
            await eventually(fault.hints, "somebody says so")


async def test_kafka_is_frozen_for_longer_than_a_session(here: World) -> None:
    async with here.busy("kafka frozen for 8 s", hint=False) as fault:  # too short for anybody to have noticed
        with _frozen(here, "kafka", fault):
            await asyncio.sleep(8)


async def test_mongo_is_frozen_for_longer_than_an_operation_may_take(here: World) -> None:
    async with here.busy("mongo frozen") as fault:
        with _frozen(here, "mongo", fault):
            await eventually(fault.hints, "somebody says so")


def _server(here: World, name: str) -> Process:
    return {"kafka": here.stack.kafka, "mongo": here.stack.mongo}[name]


@contextmanager
def _frozen(here: World, name: str, fault: Fault) -> Iterator[None]:
    """While the block runs it holds its connections and answers nobody; no service may die of that."""
    before = here.fleet.pids
    _server(here, name).freeze()
    try:
        yield
    finally:
        _server(here, name).thaw()
    fault.lifted()
    assert here.fleet.pids == before, "a service died of a silent server"
