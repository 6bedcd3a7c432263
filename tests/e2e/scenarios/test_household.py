"""A family is kept together: places for all at one shelter, or none; and a need of the child alone."""

from typing import Any

import orjson

from contracts.outcomes import RecommendationAnswered
from contracts.provider import ContactReleased, Offer
from contracts.recommendation import RecommendationRequested
from contracts.words import AgeBand, Answer, Category, Wait
from services.chassis.encryption import open_sealed
from tests.e2e.actors import CANARY, People, Provider

CHILD = "Canario Lopez"
FAMILY: dict[str, Any] = {
    "household": [
        {"member": "son", "name": CHILD, "birth_date": "2018-02-03", "sex": "male"},
        {"member": "aunt", "age_band": "60+", "sex": "female"},
    ]
}


async def _released(provider: Provider, offer: Offer) -> dict[str, Any]:
    release = await provider.notifications.until(lambda m: isinstance(m, ContactReleased) and m.need == offer.need)
    assert isinstance(release, ContactReleased)
    opened = open_sealed(provider.private_key, release.sealed, f"referral-routing/contact/{offer.need_id}")
    contact: dict[str, Any] = orjson.loads(opened)
    return contact


async def test_a_family_gets_places_at_one_shelter_and_its_child_a_school(here: People) -> None:
    agency = await here.agency()
    small = await here.provider(here.service(capacity=2))
    women = await here.provider(here.service(capacity=9, eligibility={"sexes": ["female"]}))
    large = await here.provider(here.service(capacity=4))
    lessons = here.service("lessons", categories=["education"], eligibility={"maximum_age": 16})
    school = await here.provider(lessons)
    needs = [
        {"need": "1", "category": "shelter", "urgency": "normal"},
        {"need": "2", "category": "education", "urgency": "normal", "members": ["son"]},
    ]
    await agency.send(here.referral("R-1", needs=needs, **FAMILY))
    beds, lesson = await large.wait_for_offer(), await school.wait_for_offer(need="2")
    assert (beds.places, [each.age_band for each in beds.companions]) == (3, [AgeBand.CHILD, AgeBand.OLDER])
    assert (lesson.places, lesson.companions, lesson.person.age_band) == (1, [], AgeBand.CHILD)
    for provider, offer in ((large, beds), (school, lesson)):
        await provider.answer(offer, Answer.ACCEPTED)
    of_all, of_son = await _released(large, beds), await _released(school, lesson)
    assert (of_all["name"], [each["member"] for each in of_all["household"]]) == (CANARY, ["son", "aunt"])
    assert of_son["household"] == [{"member": "son", "name": CHILD}]
    assert "name" not in of_son
    # One place is left at the large shelter: no room for another family, but for a single person.
    await agency.send(here.referral("R-2", **FAMILY))
    waiting = await agency.wait_for("waiting", "R-2")
    assert waiting.attempt == 0
    question = {
        "reference": "Q-1",
        "person": {"age_band": "18-59", "sex": "male", "languages": ["ru"]},
        "household": [{"member": "son", "age_band": "5-11", "sex": "male", "languages": ["ru"]}],
        "location": {"admin1": here.area},
        "needs": [{"need": "1", "category": Category.SHELTER, "urgency": "normal"}],
    }
    await agency.send(RecommendationRequested.model_validate(question))
    answer = await agency.status.until(lambda m: isinstance(m, RecommendationAnswered))
    assert isinstance(answer, RecommendationAnswered)
    waits = {each.provider: each.wait for each in answer.needs[0].suggested}
    assert waits == {small.id: Wait.NONE, large.id: Wait.SHORT}
    # The first family leaves: all three places are free at once, and the second family gets them.
    await large.answer(beds, Answer.DELIVERED)
    await agency.wait_for("offered", "R-2")
    other = await large.notifications.until(lambda m: isinstance(m, Offer) and m.referral_id != beds.referral_id)
    assert isinstance(other, Offer)
    assert other.places == 3
    for provider in (small, women):
        assert not any(isinstance(m, Offer) for _, m in provider.notifications.events)
