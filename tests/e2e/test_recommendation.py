"""An agency asks what a person could go to, opens no referral, and leaves no trace."""

import asyncio
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from contracts.outcomes import Recommended
from contracts.provider import Offer
from contracts.recommendation import RecommendationRequested
from contracts.words import Rule, Wait
from deploy.local.services import Services
from deploy.local.stack import Addresses

from .system import Agency, People


def _question(here: People, reference: str, **changes: Any) -> RecommendationRequested:
    whole: dict[str, Any] = {
        "reference": reference,
        "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
        "location": {"admin1": here.area},
        "needs": [
            {"need": "1", "category": "shelter", "urgency": "urgent"},
            {"need": "2", "category": "legal", "urgency": "normal"},
        ],
    }
    return RecommendationRequested.model_validate({**whole, **changes})


async def _answered(agency: Agency, reference: str) -> Recommended:
    answer = await agency.status.until(lambda m: isinstance(m, Recommended) and m.reference == reference)
    assert isinstance(answer, Recommended)
    return answer


async def _heard_of(here: People, agency: Agency, services: int) -> None:
    """Ask until matching has read of so many services here: a directory is followed, not waited for."""
    for number in range(60):
        await agency.send(_question(here, f"Q-early-{number}"))
        answer = await _answered(agency, f"Q-early-{number}")
        area = next((step.left for step in answer.needs[0].funnel if step.rule is Rule.AREA), 0)
        if area == services:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("matching never heard of the services")


async def test_an_agency_is_told_what_a_person_could_go_to_and_nothing_is_held_or_stored(
    here: People, system: Services, servers: Addresses
) -> None:
    agency = await here.agency()
    provider = await here.provider(here.service(capacity=1, latitude=52.09753, longitude=23.73408))
    men = await here.provider(here.service(capacity=3, eligibility={"sexes": ["male"]}))
    await _heard_of(here, agency, 2)
    for n in range(2):
        await agency.send(_question(here, f"Q-{n}"))
    first, second = await _answered(agency, "Q-0"), await _answered(agency, "Q-1")
    assert first.needs == second.needs, "the one place is still free"
    beds, law = first.needs
    assert [(each.provider, each.wait) for each in beds.suggested] == [(provider.id, Wait.NONE)]
    assert {step.rule: step.left for step in beds.funnel}[Rule.SEX] == 1
    assert law.suggested == []
    assert "52." not in first.model_dump_json()
    await agency.send(here.referral("R-1"))
    assert (await provider.offered()).service == "beds", "a need finds what was recommended"
    assert not any(isinstance(m, Offer) for _, m in men.notifications.events)
    await agency.send(_question(here, "Q-2"))
    assert [each.wait for each in (await _answered(agency, "Q-2")).needs[0].suggested] == [Wait.SHORT]
    mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(servers.mongo)
    heap = ""
    for name in system:
        database = mongo[f"e2e_{name}"]
        for collection in await database.list_collection_names():
            heap += "".join([repr(document) async for document in database[collection].find()])
    mongo.close()
    assert "R-1" in heap, "the search reads what is there"
    assert first.request_id not in heap
    assert "Q-0" not in heap
