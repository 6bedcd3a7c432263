"""The network between services and servers swallows replies, resets connections, or goes dark."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from deploy.local.process import free_port

from .proxy import Proxy
from .world import World, proxied


@contextmanager
def rerouted(here: World) -> Iterator[tuple[Proxy, Proxy]]:
    """Put all services behind proxies to Kafka and MongoDB; they are restarted for it, and again at the end."""
    with ExitStack() as stack:
        listen, to = proxied(here.stack)
        kafka = stack.enter_context(Proxy(listen, to))
        mongo = stack.enter_context(Proxy(free_port(), here.stack.mongo.port))
        direct = {name: dict(each.env) for name, each in here.fleet.wanted.items()}
        for each in here.fleet.wanted.values():
            each.env["REFERRALS_KAFKA"] = json.dumps([f"127.0.0.1:{kafka.port}"])
            each.env["REFERRALS_MONGO"] = re.sub(r":\d+/", f":{mongo.port}/", each.env["REFERRALS_MONGO"])
            each.kill()
        try:
            yield kafka, mongo
        finally:
            kafka.cut, mongo.cut, kafka.dark, mongo.dark = 0, 0, False, False
            for name, each in here.fleet.wanted.items():
                each.env |= direct[name]
                each.kill()


async def test_replies_are_swallowed_and_connections_reset(here: World) -> None:
    with rerouted(here) as (kafka, mongo):
        await here.fleet.ready()
        async with here.busy("replies swallowed and connections reset", "1 in 50", hint=False) as fault:
            kafka.cut, mongo.cut = 50, 50
            await asyncio.sleep(20)
            kafka.cut, mongo.cut = 0, 0
            fault.lifted()
        assert kafka.cuts > 10
        assert mongo.cuts > 10
    await here.fleet.ready()


async def test_all_connections_are_reset_again_and_again(here: World) -> None:
    with rerouted(here) as (kafka, mongo):
        await here.fleet.ready()
        async with here.busy("all connections reset", "ten times", hint=False) as fault:
            for _ in range(10):
                kafka.reset()
                mongo.reset()
                await asyncio.sleep(1)
            fault.lifted()
        assert kafka.cuts > 10
        assert mongo.cuts > 10
    await here.fleet.ready()


async def test_the_network_goes_dark(here: World) -> None:
    with rerouted(here) as (kafka, mongo):
        await here.fleet.ready()
        async with here.busy("network dark for 15 s") as fault:
            kafka.dark = mongo.dark = True
            await asyncio.sleep(15)
            kafka.dark = mongo.dark = False
            fault.lifted()
    await here.fleet.ready()
