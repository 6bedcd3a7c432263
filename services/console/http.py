"""The services' own HTTP: their health, and their read-only JSON. The only way in which a journal is looked at."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

from .trouble import Trouble

_PATIENCE = 5.0


class Away(Trouble):
    """A service does not answer."""


def get(url: str, path: str, token: str = "") -> tuple[int, Any]:
    """Status and JSON of one answer. Goes there directly, follows nothing: the token is for that service only."""
    at = urlsplit(url)
    kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection = kind(at.hostname or "", at.port, timeout=_PATIENCE)
        try:
            connection.request("GET", at.path + path, headers=headers)
            answer = connection.getresponse()
            return answer.status, _body(answer.read())
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Away(
            f"{url} does not answer ({type(error).__name__})", "does the service run, is the address right?"
        ) from None


def read(url: str, path: str, id_: str, token: str) -> Any:
    """What a service knows of an id. `Trouble` says why it is not told."""
    status, body = get(url, path + quote(id_, safe=""), token)
    if status == 200:
        return body
    said = body.get("error", "") if isinstance(body, dict) else ""
    if status == 401:
        raise Trouble(f"{url} refuses the token", "is REFERRALS_OPERATOR_TOKEN the one that the service was given?")
    if status == 404 and said == "not known":
        raise Trouble(f"{id_} is not known at {url}", "give the id of a referral or need, as statuses and logs have it")
    if status == 404:
        raise Trouble(f"{url} serves no {path}", said or "is it the right service?")
    raise Trouble(f"{url} answers {status}", said or "look at its log")


def _body(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
