"""What an operator reads of a referral, over HTTP, from the services that run."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from contracts.words import Answer
from deploy.local.services import Services
from tests.e2e.actors import CANARY, People
from tests.e2e.conftest import OPERATOR_TOKEN


def get(url: str, token: str | None = OPERATOR_TOKEN) -> tuple[int, Any]:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=5)
    connection.request("GET", at.path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


async def test_an_operator_reads_the_life_of_a_referral_and_why_a_service_was_chosen(
    here: People, system: Services
) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.told("taken-up", "R-1")

    status, life = get(f"{system.url('outcomes')}/timeline/{offer.referral_id}")
    assert status == 200
    [need] = life["needs"]
    assert need["need"] == offer.need_id
    told = json.dumps(life)
    assert "taken-up" in told
    assert CANARY not in told

    status, why = get(f"{system.url('matching')}/explain/{offer.need_id}")
    assert status == 200
    assert why["chosen"] == f"{provider.id}/beds"
    assert why["reasons"]
    assert why["funnel"]


async def test_nobody_reads_without_the_token(system: Services) -> None:
    for url in (f"{system.url('outcomes')}/timeline/x", f"{system.url('matching')}/explain/x"):
        assert get(url, None)[0] == 401
        assert get(url, "not-the-token-of-anybody")[0] == 401
        assert get(url)[0] == 404
