"""An unaccompanied child is urgent, never goes to an adults-only shelter, and needs a caregiver block."""

import json
from typing import Any

import pytest

from contracts.agency import Submitted
from contracts.outcomes import AgencyInputRefused
from contracts.provider import ContactReleased, Offer
from contracts.words import AgeBand, Answer, DeclineCode, Flag, Urgency
from services.chassis.encryption import open_sealed
from tests.e2e.actors import People

pytestmark = pytest.mark.acceptance(10)

CAREGIVER = {"name": "Tia Canaria", "relation": "aunt", "informed": True, "separated": True}
ADULTS = {"minimum_age": 18}


def _child(here: People, reference: str, **changes: Any) -> Submitted:
    person = {
        "name": "Nina Canaria",
        "birth_date": "2015-02-03",
        "sex": "female",
        "languages": ["ru"],
        "flags": ["unaccompanied-child"],
        "caregiver": CAREGIVER,
        "contact": {"may_contact": False},
        **changes,
    }
    consent = {
        "basis": "best-interest-of-child",
        "given_at": "2026-03-01T08:00:00Z",
        "given_by": "legal-guardian",
        "grants": [{"recipients": "any", "fields": ["name", "caregiver"]}],
    }
    return here.referral(reference, "normal", person=person, consent=consent)


async def test_a_child_alone_is_urgent_and_not_sent_to_adults_and_its_caregiver_is_released(here: People) -> None:
    agency = await here.agency()
    adults = await here.provider(here.service(capacity=50, eligibility=ADULTS))
    open_to_all = await here.provider(here.service(capacity=1))
    await agency.send(_child(here, "R-1"))
    offer = await open_to_all.wait_for_offer()
    await open_to_all.answer(offer, Answer.ACCEPTED)
    assert (offer.urgency, offer.person.age_band) == (Urgency.URGENT, AgeBand.CHILD)
    assert offer.person.flags == [Flag.UNACCOMPANIED_CHILD]
    released = await open_to_all.notifications.until(lambda m: isinstance(m, ContactReleased))
    assert isinstance(released, ContactReleased)
    info = f"referral-routing/contact/{offer.need_id}"
    contact = json.loads(open_sealed(open_to_all.private_key, released.sealed, info))
    assert (contact["name"], contact["caregiver"]) == ("Nina Canaria", CAREGIVER)
    assert not any(isinstance(m, Offer) for _, m in adults.notifications.events)


async def test_a_child_waits_rather_than_going_among_adults(here: People) -> None:
    agency = await here.agency()
    adults = await here.provider(here.service(capacity=50, eligibility=ADULTS))
    family = await here.provider(here.service(capacity=1))
    await agency.send(_child(here, "R-1"))
    await family.answer(await family.wait_for_offer(), Answer.DECLINED, DeclineCode.UNSAFE)
    waiting = await agency.wait_for("waiting", "R-1", attempt=1)
    assert waiting.funnel[-1].left == 0
    # The flag is enough, even if the age is not a child's.
    flagged = _child(here, "R-2", birth_date="2000-02-03", caregiver=None)
    await agency.send(flagged.model_copy(update={"needs": [flagged.needs[0].model_copy(update={"need": "2"})]}))
    await agency.wait_for("offered", "R-2", need="2")
    await adults.notifications.read_for(1)
    assert not any(isinstance(m, Offer) for _, m in adults.notifications.events)


async def test_a_child_without_a_caregiver_block_is_refused_and_the_refusal_names_it(here: People) -> None:
    agency = await here.agency()
    await agency.send(_child(here, "R-1", caregiver=None))
    refused = await agency.status.until(lambda m: isinstance(m, AgencyInputRefused))
    assert isinstance(refused, AgencyInputRefused)
    assert [problem.field for problem in refused.problems] == ["person.caregiver"]
    assert "unaccompanied" in refused.problems[0].fix
