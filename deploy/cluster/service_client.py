"""A client of the services' own HTTP: their health, and the read-only JSON for operators."""

from typing import Any
from urllib.parse import quote

import httpx

from deploy.errors import UserError

_TIMEOUT = 5.0


class ServiceAwayError(UserError):
    """The service does not respond."""


def get(url: str, path: str, token: str = "") -> tuple[int, Any]:
    """The HTTP status and the JSON of one response; None instead of a body that is not JSON.

    Uses no proxy and follows no redirect, because the token is for this service only. Raises `ServiceAwayError` when
    the service does not respond.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            response = client.get(url + path, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        hint = "check that the service is running and that the address is right"
        raise ServiceAwayError(f"{url} does not respond ({type(error).__name__})", hint) from None
    try:
        return response.status_code, response.json()
    except ValueError:
        return response.status_code, None


def read(url: str, path: str, id_: str, token: str) -> Any:
    """What a service knows of an id, as JSON. Raises `UserError` with the reason when it returns nothing."""
    status, body = get(url, path + quote(id_, safe=""), token)
    if status == 200:
        return body
    reason = body.get("error", "") if isinstance(body, dict) else ""
    if status == 401:
        raise UserError(f"{url} refuses the token", "set REFERRALS_OPERATOR_TOKEN to the token of that service")
    if status == 404 and reason == "not known":
        raise UserError(
            f"{url} does not know {id_}", "give the id of a referral or a need, as statuses and logs show it"
        )
    if status == 404:
        raise UserError(f"{url} does not serve {path}", reason or "check that this is the address of the right service")
    raise UserError(f"{url} answered with HTTP status {status}", reason or "see the log of that service")
