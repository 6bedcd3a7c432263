"""Read-only JSON beside /health, for operators: ``GET <path><id>`` with ``Authorization: Bearer <token>``.

It exists so that nobody has to look into a service's database. Without a token in the settings these paths are not
there at all. What they answer holds ids, never people.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from faststream.asgi import AsgiResponse

from ..errors import TransientError

Query = Callable[[str], Awaitable[Any]]
"""What is known of an id, as JSON; None: nothing."""


class Queries:
    """An ASGI application in front of another: it answers its own paths and passes on the rest."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._paths: dict[str, Query] = {}

    def add(self, path: str, read: Query) -> None:
        """Serve ``<path><id>``; `path` ends with a slash."""
        self._paths[path] = read

    def before(self, app: Any) -> Any:
        """The application to run."""

        async def front(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            found = next((each for each in self._paths if path.startswith(each)), None)
            if scope["type"] != "http" or found is None:
                await app(scope, receive, send)
                return
            response = await self.answer(scope["method"], found, path.removeprefix(found), dict(scope["headers"]))
            await response(scope, receive, send)

        return front

    async def answer(self, method: str, path: str, id_: str, headers: dict[bytes, bytes]) -> AsgiResponse:
        """The response. An id that is not known looks like a path that is not there."""
        if not self._token:
            return _json(404, {"error": "not served: no operator_token is set"})
        if not hmac.compare_digest(headers.get(b"authorization", b""), f"Bearer {self._token}".encode()):
            return _json(401, {"error": "operators only: wrong or missing bearer token"})
        if method != "GET":
            return _json(405, {"error": "read-only"})
        try:
            known = await self._paths[path](id_)
        except TransientError:
            return _json(503, {"error": "MongoDB is away; try again"})
        return _json(404, {"error": "not known"}) if known is None else _json(200, known)


def _json(status: int, body: Any) -> AsgiResponse:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return AsgiResponse(orjson.dumps(body), status_code=status, headers=headers)
