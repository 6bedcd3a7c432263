"""Every service goes from one instance to three and back to one under load: what moves is handled again, once."""

import asyncio

from .checker import SERVICES
from .world import World


async def test_from_one_instance_to_three_and_back(here: World) -> None:
    async with here.busy("from 1 instance to 3 and back to 1", hint=False) as fault:
        try:
            for instances in (1, 3, 1):
                for service in SERVICES:
                    here.fleet.scale(service, instances)
                await here.fleet.ready()
                await asyncio.sleep(8)  # the session of an instance that left lasts 6 s
                await here.progress()
        finally:
            for service in SERVICES:
                here.fleet.scale(service, 2)
        fault.lifted()
