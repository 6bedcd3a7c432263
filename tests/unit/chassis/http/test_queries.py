"""What operators read beside /health: with the token only, and nothing else changes."""

from typing import Any

import orjson

from services.chassis.errors import TransientError
from services.chassis.http.queries import Queries

TOKEN = "operators-only-0001"


async def _known(id_: str) -> object:
    if id_ == "away":
        raise TransientError("mongodb: away")
    return {"id": id_} if id_ == "n1" else None


async def ask(path: str, authorization: str | None, token: str = TOKEN, method: str = "GET") -> tuple[int, Any]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def rest(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b'"the rest"'})

    reads = Queries(token)
    reads.add("/timeline/", _known)
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    scope = {"type": "http", "path": path, "method": method, "headers": headers}
    await reads.before(rest)(scope, None, send)
    return sent[0]["status"], orjson.loads(sent[1]["body"])


async def test_an_operator_reads_what_is_known() -> None:
    assert await ask("/timeline/n1", f"Bearer {TOKEN}") == (200, {"id": "n1"})
    assert (await ask("/timeline/n2", f"Bearer {TOKEN}"))[0] == 404
    assert (await ask("/timeline/away", f"Bearer {TOKEN}"))[0] == 503


async def test_nobody_else_does() -> None:
    for wrong in (None, "", "Bearer ", f"Bearer {TOKEN}x", TOKEN, f"bearer {TOKEN}"):
        assert (await ask("/timeline/n1", wrong))[0] == 401
    assert (await ask("/timeline/n1", f"Bearer {TOKEN}", method="DELETE"))[0] == 405


async def test_without_a_token_in_the_settings_the_paths_are_not_there() -> None:
    for sent in (None, "Bearer ", "Bearer"):
        assert (await ask("/timeline/n1", sent, token=""))[0] == 404


async def test_the_rest_is_passed_on() -> None:
    assert await ask("/health/ready", None) == (299, "the rest")
