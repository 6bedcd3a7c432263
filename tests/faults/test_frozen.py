"""An instance is frozen for longer than its session: another takes over, and once thawed it does nothing twice."""

import asyncio

import pytest

from .checker import SERVICES
from .world import World, eventually


@pytest.mark.parametrize("service", SERVICES)
async def test_an_instance_is_frozen_past_its_session_and_thawed(here: World, service: str) -> None:
    async with here.busy("an instance frozen past its session", service, hint=False) as fault:
        frozen = here.fleet.wanted[service, 0]
        frozen.freeze()
        try:
            await asyncio.sleep(10)  # the session is 6 s
            await here.progress()  # the other instance works meanwhile
        finally:
            frozen.thaw()
        fault.lifted()
        await eventually(frozen.ready, "the thawed instance is ready again")


async def test_one_instance_of_every_service_is_frozen_past_its_session_and_thawed(here: World) -> None:
    async with here.busy("one instance of every service frozen past its session", hint=False) as fault:
        frozen = [here.fleet.wanted[service, 1] for service in SERVICES]
        for each in frozen:
            each.freeze()
        try:
            await asyncio.sleep(10)
            await here.progress()
        finally:
            for each in frozen:
                each.thaw()
        fault.lifted()
