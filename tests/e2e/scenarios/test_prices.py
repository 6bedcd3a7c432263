"""What was observed becomes a price set on its topic, and the next match names the set it was made with."""

from datetime import timedelta

from contracts import topics
from contracts.matching import Matched, PriceSet
from contracts.words import Answer
from deploy.demo import client
from tests.e2e.actors import People, eventually, now


async def price_set(here: People, service: str) -> PriceSet:
    """Wait for a set that knows that the places of this service are used up."""

    async def sets() -> list[PriceSet]:
        messages = [client.read(record)[1] for record in await here.records(topics.PRICES)]
        return [each for each in messages if isinstance(each, PriceSet) and service in each.used_up]

    return (await eventually(sets, f"a price set in which {service} is used up"))[-1]


async def test_a_quota_is_used_up_and_the_next_match_names_the_price_set(here: People) -> None:
    agency = await here.agency()
    until = now().date() + timedelta(days=30)
    provider = await here.provider(
        here.service("quota", capacity=1, quota_until=until), here.service("beds", capacity=9, languages=["de"])
    )
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    assert offer.service == "quota"
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-1")
    await provider.answer(offer, Answer.DELIVERED)
    await agency.wait_for("delivered", "R-1")

    await price_set(here, f"{provider.id}/quota")

    # The only place of the quota is used up: the next need goes elsewhere, or waits if there is nothing else.
    german = here.referral("R-2").model_copy(update={"reference": "R-2"})
    german.person.languages[:] = ["de", "ru"]
    await agency.send(german)
    match = await here.wait_for_match(agency, "R-2")
    assert isinstance(match, Matched)
    assert match.service == "beds"
    assert match.price_set is not None
    await agency.send(here.referral("R-3"))
    await agency.wait_for("waiting", "R-3")
