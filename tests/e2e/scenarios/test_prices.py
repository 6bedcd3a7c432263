"""Answers lead to a price set on its topic, and the next match names the set it was made with."""

from datetime import timedelta

from contracts import topics
from contracts.matching import Matched, PriceSet
from contracts.words import Answer
from deploy.demo import client
from tests.e2e.actors import People, eventually, now


async def price_set(here: People, service: str) -> PriceSet:
    """Wait for a set that has this service's acceptance rate."""

    async def sets() -> list[PriceSet]:
        messages = [client.read(record)[1] for record in await here.records(topics.PRICES)]
        return [each for each in messages if isinstance(each, PriceSet) and service in each.acceptance]

    return (await eventually(sets, f"a price set with {service}"))[-1]


async def test_answers_and_a_used_up_quota_are_in_the_price_set_that_the_next_match_names(
    here: People,
) -> None:
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

    learned = await price_set(here, f"{provider.id}/quota")
    assert f"{provider.id}/quota" in learned.used_up
    assert learned.acceptance[f"{provider.id}/quota"] > 0.5
    assert learned.answer_hours[f"{provider.id}/quota"] < 1

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
