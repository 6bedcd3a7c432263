"""Acceptance seed 4: "no capacity" and "not eligible" lead to different next steps, and both are counted."""

from contracts.outcomes import StatusChanged
from contracts.provider import EntryRefused, Offer
from contracts.words import Answer, DeclineCode, Document, Rule
from tests.e2e.actors import Agency, People, Provider


async def offered(provider: Provider, agency: Agency, reference: str, attempt: int = 1) -> Offer:
    """The offer that this referral led to."""
    status = await agency.told("offered", reference, attempt=attempt)
    found = await provider.notifications.until(
        lambda m: isinstance(m, Offer) and (m.referral_id, m.attempt) == (status.referral_id, attempt)
    )
    assert isinstance(found, Offer)
    return found


async def refused(provider: Provider, field: str) -> EntryRefused:
    """What the provider is told of its entry."""
    found = await provider.notifications.until(lambda m: isinstance(m, EntryRefused) and m.problems[0].field == field)
    assert isinstance(found, EntryRefused)
    return found


async def test_a_full_service_gets_nobody_until_it_says_otherwise(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=5))
    await agency.send(here.referral("R-1"))
    await provider.answer(await offered(provider, agency, "R-1"), Answer.DECLINED, DeclineCode.NO_CAPACITY)
    assert (await agency.told("waiting", "R-1", attempt=1)).next_by is not None
    assert "publish the entry again" in (await refused(provider, "capacity")).problems[0].fix

    await agency.send(here.referral("R-2"))
    waiting = await agency.told("waiting", "R-2")
    assert (waiting.funnel[-1].rule, waiting.funnel[-1].left) == (Rule.FULL, 0), "not for anybody else either"

    await provider.publish(here.service(capacity=5))
    await offered(provider, agency, "R-1", attempt=2)
    await offered(provider, agency, "R-2")
    assert await here.declined(agency) == {"no-capacity": 1}


async def test_a_service_for_which_people_are_not_eligible_goes_on_and_its_rules_are_disputed(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=9))
    references = ["R-1", "R-2", "R-3"]
    for reference in references:
        await agency.send(here.referral(reference))
        await provider.answer(await offered(provider, agency, reference), Answer.DECLINED, DeclineCode.NOT_ELIGIBLE)
        waiting = await agency.told("waiting", reference, attempt=1)
        assert (waiting.funnel[-1].rule, waiting.funnel[-1].left) == (Rule.RULED_OUT, 0)
    disputed = await refused(provider, "eligibility")
    assert "3 needs" in disputed.problems[0].fix

    await provider.publish(here.service(capacity=9))
    await agency.send(here.referral("R-4"))
    await offered(provider, agency, "R-4")
    await agency.status.quiet(1.5)
    again = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.attempt > 1]
    assert again == [], "never again to those it has called not eligible"
    assert await here.declined(agency) == {"not-eligible": 3}


async def test_for_missing_documents_the_agency_is_asked_and_its_correction_resumes_the_need(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await offered(provider, agency, "R-1")
    await provider.answer(offer, Answer.DECLINED, DeclineCode.MISSING_DOCUMENTS, missing=[Document.MEDICAL_RECORD])
    held = await agency.told("on-hold", "R-1")
    assert (held.code, held.missing, held.provider) == ("missing-documents", [Document.MEDICAL_RECORD], provider.id)
    assert held.next_by is not None
    await agency.send(here.corrected("R-1"))
    await offered(provider, agency, "R-1", attempt=2)


async def test_who_needs_no_help_any_more_is_not_offered_elsewhere(here: People) -> None:
    agency = await here.agency()
    providers = [await here.provider(here.service()) for _ in range(2)]
    await agency.send(here.referral("R-1"))
    status = await agency.told("offered", "R-1")
    (asked,) = (each for each in providers if each.id == status.provider)
    await asked.answer(await asked.offered(), Answer.DECLINED, DeclineCode.NO_LONGER_NEEDED)
    assert (await agency.told("withdrawn", "R-1")).code == "no-longer-needed"
