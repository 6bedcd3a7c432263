"""Seed 15. Contradictory or unknown eligibility: needs assessment, never a silent drop."""

from typing import Any

from contracts.outcomes import StatusChanged
from contracts.words import Answer, Lifecycle, Rule
from tests.e2e.actors import People, Provider

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


async def _of(here: People, category: str, **limits: Any) -> Provider:
    return await here.provider(here.service(category, 9, categories=[category], eligibility=limits))


async def test_what_nobody_can_tell_is_offered_with_the_rule_named(here: People) -> None:
    agency = await here.agency()
    women = await _of(here, "shelter", sexes=["female"])
    protected = await _of(here, "legal", statuses=["protected"])
    contradictory = await _of(here, "cash", flags_any=["pregnant"], not_flags=["pregnant"])
    needs = [_need("bed", "shelter"), _need("law", "legal"), _need("cash", "cash")]
    await agency.send(here.referral("R-1", person=UNKNOWN, needs=needs))
    for provider, need, rule in (
        (women, "bed", Rule.SEX),
        (protected, "law", Rule.STATUS),
        (contradictory, "cash", Rule.EXCLUSION),
    ):
        offer = await provider.offered(need=need)
        assert offer.needs_assessment == [rule]
        assert (await here.matched(agency, "R-1", need)).needs_assessment == [rule]
        await provider.answer(offer, Answer.ACCEPTED)
        await agency.told("taken-up", "R-1", need)
        said = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.need == need]
        matched = [m.needs_assessment for m in said if m.state is Lifecycle.MATCHED]
        assert matched in ([[rule]], []), "told, unless it was overtaken"


async def test_what_is_known_is_decided_and_told(here: People) -> None:
    agency = await here.agency()
    women = await _of(here, "shelter", sexes=["female"])
    known = {**UNKNOWN, "sex": "male", "flags": []}
    await agency.send(here.referral("R-1", person=known))
    waiting = await agency.told("waiting", "R-1")
    assert waiting.funnel[-1].left == 0
    for person, reference in ((UNKNOWN, "R-2"), ({**UNKNOWN, "sex": "female"}, "R-3")):
        await agency.send(here.referral(reference, person=person))
    assert (await here.matched(agency, "R-2")).needs_assessment == [Rule.SEX]
    assert (await here.matched(agency, "R-3")).needs_assessment == []
    # Once there is one where it is clear, that is where the next one goes.
    anyone = await _of(here, "shelter")
    await here.matched(agency, "R-1")
    await agency.send(here.referral("R-4", person=UNKNOWN))
    told = await here.matched(agency, "R-4")
    assert (told.provider, told.needs_assessment) == (anyone.id, [])
    assert women.id != anyone.id
