"""The decline codes "no capacity" and "not eligible" lead to different next steps, and both are counted."""

import pytest

from contracts.outcomes import StatusChanged
from contracts.provider import EntryRefused, Offer
from contracts.words import Answer, DeclineCode, Document, Rule
from tests.e2e.actors import Agency, People, Provider

pytestmark = pytest.mark.acceptance(4)


async def wait_for_offer(provider: Provider, agency: Agency, reference: str, attempt: int = 1) -> Offer:
    """Wait for the offer of a referral."""
    status = await agency.wait_for("offered", reference, attempt=attempt)
    message = await provider.notifications.until(
        lambda m: isinstance(m, Offer) and (m.referral_id, m.attempt) == (status.referral_id, attempt)
    )
    assert isinstance(message, Offer)
    return message


async def wait_for_refusal(provider: Provider, field: str) -> EntryRefused:
    """Wait for the refusal of a field of the provider's entry."""
    message = await provider.notifications.until(lambda m: isinstance(m, EntryRefused) and m.problems[0].field == field)
    assert isinstance(message, EntryRefused)
    return message


async def test_a_full_service_gets_no_offer_until_it_publishes_its_entry_again(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=5))
    await agency.send(here.referral("R-1"))
    await provider.answer(await wait_for_offer(provider, agency, "R-1"), Answer.DECLINED, DeclineCode.NO_CAPACITY)
    assert (await agency.wait_for("waiting", "R-1", attempt=1)).next_by is not None
    assert "publish the entry again" in (await wait_for_refusal(provider, "capacity")).problems[0].fix

    await agency.send(here.referral("R-2"))
    waiting = await agency.wait_for("waiting", "R-2")
    assert (waiting.funnel[-1].rule, waiting.funnel[-1].left) == (Rule.FULL, 0), "it is full for everybody"

    await provider.publish(here.service(capacity=5))
    await wait_for_offer(provider, agency, "R-1", attempt=2)
    await wait_for_offer(provider, agency, "R-2")
    assert await here.count_declines(agency) == {"no-capacity": 1}


async def test_a_service_that_finds_people_not_eligible_gets_others_and_its_rules_are_disputed(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=9))
    references = ["R-1", "R-2", "R-3"]
    for reference in references:
        await agency.send(here.referral(reference))
        await provider.answer(
            await wait_for_offer(provider, agency, reference), Answer.DECLINED, DeclineCode.NOT_ELIGIBLE
        )
        waiting = await agency.wait_for("waiting", reference, attempt=1)
        assert (waiting.funnel[-1].rule, waiting.funnel[-1].left) == (Rule.RULED_OUT, 0)
    disputed = await wait_for_refusal(provider, "eligibility")
    assert "declined 3 people as not eligible" in disputed.problems[0].fix

    await provider.publish(here.service(capacity=9))
    await agency.send(here.referral("R-4"))
    await wait_for_offer(provider, agency, "R-4")
    await agency.status.read_for(1.5)
    again = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.attempt > 1]
    assert again == [], "never again to people it found not eligible"
    assert await here.count_declines(agency) == {"not-eligible": 3}


async def test_missing_documents_hold_the_need_until_the_agency_corrects_it(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await wait_for_offer(provider, agency, "R-1")
    await provider.answer(offer, Answer.DECLINED, DeclineCode.MISSING_DOCUMENTS, missing=[Document.MEDICAL_RECORD])
    held = await agency.wait_for("on-hold", "R-1")
    assert (held.code, held.missing, held.provider) == ("missing-documents", [Document.MEDICAL_RECORD], provider.id)
    assert held.next_by is not None
    await agency.send(here.correction("R-1"))
    await wait_for_offer(provider, agency, "R-1", attempt=2)


async def test_a_need_that_is_no_longer_needed_is_not_offered_elsewhere(here: People) -> None:
    agency = await here.agency()
    providers = [await here.provider(here.service()) for _ in range(2)]
    await agency.send(here.referral("R-1"))
    status = await agency.wait_for("offered", "R-1")
    (provider,) = (each for each in providers if each.id == status.provider)
    await provider.answer(await provider.wait_for_offer(), Answer.DECLINED, DeclineCode.NO_LONGER_NEEDED)
    assert (await agency.wait_for("withdrawn", "R-1")).code == "no-longer-needed"
