"""A TCP proxy that misbehaves on command: it swallows replies, resets connections, or goes dark.

It runs on a thread and loop of its own, so that a test cannot slow it down.

    with Proxy(listen, to) as proxy:
        proxy.cut = 50         # one in 50 replies is swallowed, and its connection reset
        proxy.dark = True      # everything is swallowed in both directions, and no connection is closed
        proxy.reset()          # resets every connection now
"""

import asyncio
import random
import threading
from typing import Self

_HOST = "127.0.0.1"


class Proxy:
    """Listens on one port of this machine and forwards to another."""

    def __init__(self, listen: int, to: int) -> None:
        self.port = listen
        self._to = to
        self.cut = 0
        self.dark = False
        self.cuts = 0
        self._chance = random.Random(listen)
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def reset(self) -> None:
        """Reset every connection."""
        self._loop.call_soon_threadsafe(self._reset)

    def _reset(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self.cuts += len(self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(_HOST, self._to)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, to_server}
        self._writers |= both
        try:
            ways = [
                asyncio.create_task(self._pass(reader, to_server, replies=False)),
                asyncio.create_task(self._pass(server, writer, replies=True)),
            ]
            _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in left:
                way.cancel()
        finally:
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, replies: bool) -> None:
        try:
            while data := await source.read(65536):
                if self.dark:
                    continue
                if replies and self.cut and self._chance.randrange(self.cut) == 0:
                    self.cuts += 1
                    return  # the request was carried out, and its sender never learns it
                to.write(data)
                await to.drain()
        except OSError:
            return

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._serve, _HOST, self.port)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._reset)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
