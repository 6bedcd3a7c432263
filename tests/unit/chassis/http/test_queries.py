"""Operators' queries: answered with the token only, beside all other routes."""

from typing import Any

import orjson
from starlette.routing import Mount, Router

from services.chassis.errors import TransientError
from services.chassis.http.queries import Queries

TOKEN = "operators-only-0001"


async def _known(id_: str) -> object:
    if id_ == "away":
        raise TransientError("mongodb: away")
    return {"id": id_} if id_ in ("n1", "with/slash") else None


async def request(path: str, authorization: str | None, token: str = TOKEN, method: str = "GET") -> tuple[int, Any]:
    """Status and body of the response."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def other_routes(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b'"the rest"'})

    queries = Queries(token)
    queries.add("/timeline/", _known)
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    scope = {"type": "http", "path": path, "method": method, "query_string": b"", "headers": headers}
    await Router([*queries.routes(), Mount("/", app=other_routes)], redirect_slashes=False)(scope, receive, send)
    return sent[0]["status"], orjson.loads(sent[1]["body"])


async def test_an_operator_reads_what_is_known() -> None:
    assert await request("/timeline/n1", f"Bearer {TOKEN}") == (200, {"id": "n1"})
    assert await request("/timeline/with/slash", f"Bearer {TOKEN}") == (200, {"id": "with/slash"})
    assert await request("/timeline/n2", f"Bearer {TOKEN}") == (404, {"error": "not known"})
    assert (await request("/timeline/away", f"Bearer {TOKEN}"))[0] == 503


async def test_nobody_else_does() -> None:
    for wrong in (None, "", "Bearer ", f"Bearer {TOKEN}x", TOKEN, f"bearer {TOKEN}", "Bearer ä"):
        assert (await request("/timeline/n1", wrong))[0] == 401
    for method in ("HEAD", "POST", "DELETE"):
        assert await request("/timeline/n1", f"Bearer {TOKEN}", method=method) == (405, {"error": "read-only"})
        assert (await request("/timeline/n1", None, method=method))[0] == 401


async def test_without_a_token_in_the_settings_nothing_is_served() -> None:
    for authorization in (None, "Bearer ", "Bearer"):
        assert (await request("/timeline/n1", authorization, token=""))[0] == 404


async def test_all_other_paths_are_passed_on() -> None:
    for path in ("/health/ready", "/timeline", "/"):
        assert await request(path, None) == (299, "the rest")
