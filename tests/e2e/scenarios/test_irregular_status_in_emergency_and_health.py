"""Seed 9. Irregular status and emergency health: matched like anyone."""

from contracts.agency import Submitted
from contracts.words import Answer, Rule, Status
from tests.e2e.actors import People

RESIDENTS = {"statuses": [Status.CITIZEN, Status.RESIDENT], "not_statuses": [Status.IRREGULAR]}


def _referral(here: People, reference: str, status: str, category: str, urgency: str) -> Submitted:
    person = {
        "case_code": "C-1",
        "age_band": "18-59",
        "sex": "male",
        "languages": ["ru"],
        "status": status,
        "contact": {"may_contact": False},
    }
    return here.referral(reference, person=person, needs=[{"need": "1", "category": category, "urgency": urgency}])


async def test_who_is_irregular_is_offered_emergency_health_where_a_citizen_is(here: People) -> None:
    agency = await here.agency()
    clinic = await here.provider(here.service("clinic", 9, categories=["health"], eligibility=RESIDENTS))
    for reference, status, urgency in (
        ("R-citizen", "citizen", "emergency"),
        ("R-irregular", "irregular", "emergency"),
        ("R-later", "irregular", "normal"),  # health is status-blind whatever the urgency
    ):
        await agency.send(_referral(here, reference, status, "health", urgency))
        told = await here.matched(agency, reference)
        assert (told.provider, told.needs_assessment) == (clinic.id, [])
    offer = await clinic.offered()
    assert offer.person.status is None, "who may not look at it is not told it"
    await clinic.answer(offer, Answer.ACCEPTED)
    await agency.told("taken-up", "R-citizen")


async def test_in_an_emergency_status_does_not_count_for_shelter_either_and_otherwise_a_limit_is_a_limit(
    here: People,
) -> None:
    agency = await here.agency()
    await here.provider(here.service(capacity=9, eligibility=RESIDENTS))
    await agency.send(_referral(here, "R-now", "irregular", "shelter", "emergency"))
    assert (await here.matched(agency, "R-now")).needs_assessment == []
    await agency.send(_referral(here, "R-later", "irregular", "shelter", "normal"))
    waiting = await agency.told("waiting", "R-later")
    assert (waiting.funnel[-1].rule, waiting.funnel[-1].left) == (Rule.STATUS, 0)
