"""An agency requests a recommendation: no referral is opened, and nothing is stored."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from contracts.provider import Offer
from contracts.words import Rule, Wait
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.actors import People


async def test_a_recommendation_suggests_services_and_nothing_is_reserved_or_stored(
    here: People, system: Services, servers: Addresses
) -> None:
    agency = await here.agency()
    provider = await here.provider(here.service(capacity=1, latitude=52.09753, longitude=23.73408))
    men = await here.provider(here.service(capacity=3, eligibility={"sexes": ["male"]}))
    await here.wait_for_directory(agency, 2)
    for n in range(2):
        await agency.send(here.question(f"Q-{n}"))
    first, second = await agency.wait_for_recommendation("Q-0"), await agency.wait_for_recommendation("Q-1")
    assert first.needs == second.needs, "the one place is still free"
    beds, law = first.needs
    assert [(each.provider, each.wait) for each in beds.suggested] == [(provider.id, Wait.NONE)]
    assert {step.rule: step.left for step in beds.funnel}[Rule.SEX] == 1
    assert law.suggested == []
    assert "52." not in first.model_dump_json()
    await agency.send(here.referral("R-1"))
    assert (await provider.wait_for_offer()).service == "beds", "a need gets what was recommended"
    assert not any(isinstance(m, Offer) for _, m in men.notifications.events)
    await agency.send(here.question("Q-2"))
    assert [each.wait for each in (await agency.wait_for_recommendation("Q-2")).needs[0].suggested] == [Wait.SHORT]
    mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(servers.mongo)
    heap = ""
    for name in system:
        database = mongo[f"e2e_{name}"]
        for collection in await database.list_collection_names():
            heap += "".join([repr(document) async for document in database[collection].find()])
    mongo.close()
    assert "R-1" in heap, "the search reads the databases"
    assert first.request_id not in heap
    assert "Q-0" not in heap
