"""Irregular status does not count in an emergency, nor for health care: the person is matched like anyone."""

import pytest

from contracts.agency import Submitted
from contracts.words import Answer, Rule, Status
from tests.e2e.actors import People

pytestmark = pytest.mark.acceptance(9)

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


async def test_a_person_without_status_is_offered_health_care_where_a_citizen_is(here: People) -> None:
    agency = await here.agency()
    clinic = await here.provider(here.service("clinic", 9, categories=["health"], eligibility=RESIDENTS))
    for reference, status, urgency in (
        ("R-citizen", "citizen", "emergency"),
        ("R-irregular", "irregular", "emergency"),
        ("R-later", "irregular", "normal"),  # health care ignores status whatever the urgency
    ):
        await agency.send(_referral(here, reference, status, "health", urgency))
        match = await here.wait_for_match(agency, reference)
        assert (match.provider, match.needs_assessment) == (clinic.id, [])
    offer = await clinic.wait_for_offer()
    assert offer.person.status is None, "a provider that must not use the status does not get it"
    await clinic.answer(offer, Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-citizen")


async def test_for_shelter_status_is_ignored_in_an_emergency_only(
    here: People,
) -> None:
    agency = await here.agency()
    await here.provider(here.service(capacity=9, eligibility=RESIDENTS))
    await agency.send(_referral(here, "R-now", "irregular", "shelter", "emergency"))
    assert (await here.wait_for_match(agency, "R-now")).needs_assessment == []
    await agency.send(_referral(here, "R-later", "irregular", "shelter", "normal"))
    waiting = await agency.wait_for("waiting", "R-later")
    assert (waiting.funnel[-1].rule, waiting.funnel[-1].left) == (Rule.STATUS, 0)
