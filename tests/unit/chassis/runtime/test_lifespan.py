"""A process is live while it waits for its servers, at every start; and it stops at any moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.chassis.runtime.lifespan import Lifespan


class Service:
    """Notes what its lifespan does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.servers = asyncio.Event()
        self.error = error
        self.events: list[str] = []
        self.lifespan = Lifespan(self._available, self._consuming, self._close, self._fatal)

    async def _available(self) -> None:
        self.events.append("waits")
        await self.servers.wait()

    @asynccontextmanager
    async def _consuming(self) -> AsyncIterator[None]:
        if self.error is not None:
            raise self.error
        self.events.append("consumes")
        yield
        self.events.append("stops consuming")

    async def _close(self) -> None:
        self.events.append("closes")

    def _fatal(self, reason: str) -> None:
        self.events.append(f"fatal: {reason.split()[0]}")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_port_is_open_while_the_servers_are_away_and_a_stop_does_not_wait_for_them() -> None:
    service = Service()
    async with asyncio.timeout(10), service.lifespan.running():
        await settle()
        assert service.events == ["waits"]
    assert service.events == ["waits", "closes"]


async def test_it_consumes_as_soon_as_the_servers_respond_and_ends_in_the_opposite_order() -> None:
    service = Service()
    async with asyncio.timeout(10), service.lifespan.running():
        await settle()
        service.servers.set()
        await settle()
        assert service.events == ["waits", "consumes"]
    assert service.events == ["waits", "consumes", "stops consuming", "closes"]


async def test_a_stop_at_the_very_start_closes_everything() -> None:
    service = Service()
    async with asyncio.timeout(10), service.lifespan.running():
        pass
    assert service.events[-1] == "closes"


async def test_a_server_that_goes_away_while_consuming_starts_is_fatal_so_that_a_restart_waits_again() -> None:
    service = Service(ConnectionError("gone"))
    service.servers.set()
    async with asyncio.timeout(10), service.lifespan.running():
        await settle()
        assert service.events == ["waits", "fatal: ConnectionError"]
