"""From start to stop. The port is open all the time: a process that waits for Kafka or MongoDB is live, but not ready.

Otherwise an orchestrator would take a process that waits for its servers for a dead one, and kill it again and again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from ..errors import where


class Lifespan:
    """Opens the port at once, starts to consume when the servers respond, and ends in the opposite order.

    `servers_available` returns when they do. `consuming` is the context in which records are handled. `close` frees
    what is left. `fatal` is called with a reason when the process cannot go on.
    """

    def __init__(
        self,
        servers_available: Callable[[], Awaitable[None]],
        consuming: Callable[[], AbstractAsyncContextManager[None]],
        close: Callable[[], Awaitable[None]],
        fatal: Callable[[str], None],
    ) -> None:
        self._servers_available, self._consuming = servers_available, consuming
        self._close, self._fatal = close, fatal
        self._available = False
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The ASGI lifespan: while it is entered, the port is open."""
        service = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._stopping.set()
            if not self._available:
                service.cancel()  # nothing has been read yet, and the servers may be away for hours
            await asyncio.gather(service, return_exceptions=True)
            await self._close()

    async def _run(self) -> None:
        try:
            await self._servers_available()
            self._available = True
            async with self._consuming():
                await self._stopping.wait()
        except Exception as error:  # noqa: BLE001  # Fatal: restarted, it waits for its servers again, with an open port
            self._fatal(f"{type(error).__name__} while starting or stopping, {where(error)}")
