"""What was observed becomes a price set on its topic, and the next match names the set it was made with."""

import asyncio
from datetime import timedelta

from contracts import topics
from contracts.matching import Matched, PriceSet
from contracts.words import Answer
from deploy.demo import client
from tests.e2e.actors import PATIENCE, People, now


async def price_set(here: People, service: str) -> PriceSet:
    """Wait for a set that knows that the places of this service are used up."""
    async with asyncio.timeout(PATIENCE):
        while True:
            read = [client.read(record)[1] for record in await here.records(topics.PRICES)]
            price_sets = [each for each in read if isinstance(each, PriceSet) and service in each.used_up]
            if price_sets:
                return price_sets[-1]
            await asyncio.sleep(0.5)


async def test_a_quota_is_used_up_and_the_next_match_names_the_price_set(here: People) -> None:
    agency = await here.agency()
    until = now().date() + timedelta(days=30)
    provider = await here.provider(
        here.service("quota", capacity=1, quota_until=until), here.service("beds", capacity=9, languages=["de"])
    )
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
    assert offer.service == "quota"
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.told("taken-up", "R-1")
    await provider.answer(offer, Answer.DELIVERED)
    await agency.told("delivered", "R-1")

    await price_set(here, f"{provider.id}/quota")

    # The only place of the quota is used up: who comes next goes elsewhere, and waits where there is nothing else.
    german = here.referral("R-2").model_copy(update={"reference": "R-2"})
    german.person.languages[:] = ["de", "ru"]
    await agency.send(german)
    match = await here.matched(agency, "R-2")
    assert isinstance(match, Matched)
    assert match.service == "beds"
    assert match.price_set is not None
    await agency.send(here.referral("R-3"))
    await agency.told("waiting", "R-3")
