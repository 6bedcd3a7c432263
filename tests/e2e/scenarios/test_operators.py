"""What an operator reads about a referral over HTTP from the running services."""

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


async def test_an_operator_reads_the_timeline_of_a_referral_and_why_a_service_was_chosen(
    here: People, system: Services
) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-1")

    status, timeline = get(f"{system.url('outcomes')}/timeline/{offer.referral_id}")
    assert status == 200
    [need] = timeline["needs"]
    assert need["need"] == offer.need_id
    text = json.dumps(timeline)
    assert "taken-up" in text
    assert CANARY not in text

    status, rationale = get(f"{system.url('matching')}/explain/{offer.need_id}")
    assert status == 200
    assert rationale["chosen"] == f"{provider.id}/beds"
    assert rationale["reasons"]
    assert rationale["funnel"]


async def test_nobody_reads_without_the_token(system: Services) -> None:
    for url in (f"{system.url('outcomes')}/timeline/x", f"{system.url('matching')}/explain/x"):
        assert get(url, None)[0] == 401
        assert get(url, "not-the-token-of-anybody")[0] == 401
        assert get(url)[0] == 404
