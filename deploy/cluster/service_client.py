"""The services' own HTTP: their health, and the read-only JSON that operators ask for."""

from typing import Any
from urllib.parse import quote

import httpx

from deploy.errors import UserError

_TIMEOUT = 5.0


class ServiceAwayError(UserError):
    """The service does not answer."""


def get(url: str, path: str, token: str = "") -> tuple[int, Any]:
    """Status and JSON of one answer; None for a body that is not JSON.

    No proxy is used and no redirect is followed: the token is meant for this service only.

    Raises `ServiceAwayError`.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            response = client.get(url + path, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        hint = "is the service running, and is the address right?"
        raise ServiceAwayError(f"{url} does not answer ({type(error).__name__})", hint) from None
    try:
        return response.status_code, response.json()
    except ValueError:
        return response.status_code, None


def read(url: str, path: str, id_: str, token: str) -> Any:
    """What a service knows about an id. Raises `UserError` with the reason when it does not answer the question."""
    status, body = get(url, path + quote(id_, safe=""), token)
    if status == 200:
        return body
    reason = body.get("error", "") if isinstance(body, dict) else ""
    if status == 401:
        raise UserError(f"{url} refuses the token", "is REFERRALS_OPERATOR_TOKEN the token of that service?")
    if status == 404 and reason == "not known":
        raise UserError(
            f"{id_} is not known at {url}", "give the id of a referral or need, as statuses and logs show it"
        )
    if status == 404:
        raise UserError(f"{url} serves no {path}", reason or "is it the right service?")
    raise UserError(f"{url} answers {status}", reason or "look at its log")
