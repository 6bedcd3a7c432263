"""Operators' read-only queries: ``GET <path><id>`` with ``Authorization: Bearer <token>``, answered in JSON.

They exist so that nobody has to look into a service's database. Answers contain ids, never people. Without a token in
the settings, nothing is served.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..errors import TransientError

Query = Callable[[str], Awaitable[Any]]
"""Returns what is known of an id, as JSON; None when nothing is. May raise `TransientError`."""


class Queries:
    """The queries of one service, all under one bearer token."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._queries: dict[str, Query] = {}

    def add(self, path: str, query: Query) -> None:
        """Answer ``<path><id>`` with this query. `path` ends with a slash; an id may contain slashes."""
        self._queries[path] = query

    def routes(self) -> list[Route]:
        """One route for each query."""
        return [Route(f"{path}{{id:path}}", _Endpoint(query, self._token)) for path, query in self._queries.items()]


class _Endpoint:
    """One query. An object, since a function would be offered only the methods GET and HEAD by Starlette."""

    def __init__(self, query: Query, token: str) -> None:
        self._query = query
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """The response. An unknown id looks like an unknown path."""
        if not self._token:
            return _json(404, {"error": "not served: no operator_token is set"})
        if not self._authorized(request):
            return _json(401, {"error": "operators only: wrong or missing bearer token"})
        if request.method != "GET":
            return _json(405, {"error": "read-only"})
        try:
            known = await self._query(request.path_params["id"])
        except TransientError:
            return _json(503, {"error": "MongoDB is away; try again"})
        return _json(404, {"error": "not known"}) if known is None else _json(200, known)

    def _authorized(self, request: Request) -> bool:
        """Whether the request has the token. Compared in constant time, so that timing reveals nothing about it."""
        authorization = request.headers.get("authorization", "").encode("latin-1")
        return hmac.compare_digest(authorization, f"Bearer {self._token}".encode())


def _json(status: int, body: Any) -> Response:
    return Response(orjson.dumps(body), status, {"cache-control": "no-store"}, "application/json")
