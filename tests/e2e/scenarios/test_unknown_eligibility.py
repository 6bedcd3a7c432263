"""Contradictory or unknown eligibility needs assessment and never drops a need silently."""

from typing import Any

import pytest

from contracts.outcomes import StatusChanged
from contracts.words import Answer, Lifecycle, Rule
from tests.e2e.actors import People, Provider

pytestmark = pytest.mark.acceptance(15)

UNKNOWN = {
    "case_code": "C-1",
    "age_band": "18-59",
    "sex": "undisclosed",
    "languages": ["ru"],
    "flags": ["pregnant"],
    "contact": {"may_contact": False},
}


def _need(label: str, category: str) -> dict[str, Any]:
    return {"need": label, "category": category, "urgency": "normal"}


async def _provider_of(here: People, category: str, **limits: Any) -> Provider:
    return await here.provider(here.service(category, 9, categories=[category], eligibility=limits))


async def test_unknown_eligibility_is_offered_with_the_rule_named(here: People) -> None:
    agency = await here.agency()
    women = await _provider_of(here, "shelter", sexes=["female"])
    protected = await _provider_of(here, "legal", statuses=["protected"])
    contradictory = await _provider_of(here, "cash", flags_any=["pregnant"], not_flags=["pregnant"])
    needs = [_need("bed", "shelter"), _need("law", "legal"), _need("cash", "cash")]
    await agency.send(here.referral("R-1", person=UNKNOWN, needs=needs))
    for provider, need, rule in (
        (women, "bed", Rule.SEX),
        (protected, "law", Rule.STATUS),
        (contradictory, "cash", Rule.EXCLUSION),
    ):
        offer = await provider.wait_for_offer(need=need)
        assert offer.needs_assessment == [rule]
        assert (await here.wait_for_match(agency, "R-1", need)).needs_assessment == [rule]
        await provider.answer(offer, Answer.ACCEPTED)
        await agency.wait_for("taken-up", "R-1", need)
        statuses = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.need == need]
        matched = [m.needs_assessment for m in statuses if m.state is Lifecycle.MATCHED]
        assert matched in ([[rule]], []), "published, unless the offer overtook it"


async def test_known_eligibility_is_decided(here: People) -> None:
    agency = await here.agency()
    women = await _provider_of(here, "shelter", sexes=["female"])
    known = {**UNKNOWN, "sex": "male", "flags": []}
    await agency.send(here.referral("R-1", person=known))
    waiting = await agency.wait_for("waiting", "R-1")
    assert waiting.funnel[-1].left == 0
    for person, reference in ((UNKNOWN, "R-2"), ({**UNKNOWN, "sex": "female"}, "R-3")):
        await agency.send(here.referral(reference, person=person))
    assert (await here.wait_for_match(agency, "R-2")).needs_assessment == [Rule.SEX]
    assert (await here.wait_for_match(agency, "R-3")).needs_assessment == []
    # Once there is a service whose rules are clear, the next need goes there.
    anyone = await _provider_of(here, "shelter")
    await here.wait_for_match(agency, "R-1")
    await agency.send(here.referral("R-4", person=UNKNOWN))
    match = await here.wait_for_match(agency, "R-4")
    assert (match.provider, match.needs_assessment) == (anyone.id, [])
    assert women.id != anyone.id
