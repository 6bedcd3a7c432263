"""Seed 10. An unaccompanied child: never an adults-only shelter, a floor of urgency, and the caregiver block."""

import json
from typing import Any

from contracts.agency import Submitted
from contracts.outcomes import AgencyInputRefused
from contracts.provider import ContactReleased, Offer
from contracts.words import AgeBand, Answer, DeclineCode, Flag, Urgency
from services.chassis.encryption import open_sealed
from tests.e2e.actors import People

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


async def test_a_child_alone_is_urgent_goes_to_no_adults_and_its_caregiver_is_told_to_who_accepts(here: People) -> None:
    agency = await here.agency()
    adults = await here.provider(here.service(capacity=50, eligibility=ADULTS))
    open_to_all = await here.provider(here.service(capacity=1))
    await agency.send(_child(here, "R-1"))
    offer = await open_to_all.offered()
    await open_to_all.answer(offer, Answer.ACCEPTED)
    assert (offer.urgency, offer.person.age_band) == (Urgency.URGENT, AgeBand.CHILD)
    assert offer.person.flags == [Flag.UNACCOMPANIED_CHILD]
    released = await open_to_all.notifications.until(lambda m: isinstance(m, ContactReleased))
    assert isinstance(released, ContactReleased)
    info = f"referral-routing/contact/{offer.need_id}"
    contact = json.loads(open_sealed(open_to_all.private_key, released.sealed, info))
    assert (contact["name"], contact["caregiver"]) == ("Nina Canaria", CAREGIVER)
    assert not any(isinstance(m, Offer) for _, m in adults.notifications.events)


async def test_when_nobody_else_is_left_a_child_waits_rather_than_go_among_adults(here: People) -> None:
    agency = await here.agency()
    adults = await here.provider(here.service(capacity=50, eligibility=ADULTS))
    family = await here.provider(here.service(capacity=1))
    await agency.send(_child(here, "R-1"))
    await family.answer(await family.offered(), Answer.DECLINED, DeclineCode.UNSAFE)
    waiting = await agency.told("waiting", "R-1", attempt=1)
    assert waiting.funnel[-1].left == 0
    # Also where the age was not given as a child's: the flag is enough.
    flagged = _child(here, "R-2", birth_date="2000-02-03", caregiver=None)
    await agency.send(flagged.model_copy(update={"needs": [flagged.needs[0].model_copy(update={"need": "2"})]}))
    await agency.told("offered", "R-2", need="2")
    await adults.notifications.quiet(1)
    assert not any(isinstance(m, Offer) for _, m in adults.notifications.events)


async def test_without_the_caregiver_block_a_child_is_refused_in_words_that_say_so(here: People) -> None:
    agency = await here.agency()
    await agency.send(_child(here, "R-1", caregiver=None))
    refused = await agency.status.until(lambda m: isinstance(m, AgencyInputRefused))
    assert isinstance(refused, AgencyInputRefused)
    assert [problem.field for problem in refused.problems] == ["person.caregiver"]
    assert "unaccompanied" in refused.problems[0].fix
