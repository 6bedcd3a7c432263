"""Acceptance seed 11: accepted, then not delivered, is an outcome of its own."""

from contracts.outcomes import StatusChanged
from contracts.provider import AnswerRefused
from contracts.words import Answer, AnswerFault, NextStep, NotDeliveredCode
from tests.e2e.actors import People


async def test_what_was_accepted_and_not_delivered_is_neither_declined_nor_unmet_nor_delivered(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
    await provider.answer(offer, Answer.ACCEPTED, provider_reference="P-7")
    taken_up = await agency.told("taken-up", "R-1")
    assert (taken_up.next, taken_up.reference, taken_up.provider_reference) == (
        NextStep.PROVIDER_STARTS,
        "R-1",
        "P-7",
    )
    await provider.answer(offer, Answer.NOT_DELIVERED, NotDeliveredCode.MOVED_AWAY)
    told = await agency.told("not-delivered", "R-1")
    assert (told.code, told.fhir_status, told.next, told.next_by) == ("moved-away", "failed", NextStep.NOTHING, None)
    assert (told.provider, told.attempt, told.provider_reference) == (provider.id, 1, "P-7")
    assert told.since > taken_up.since
    assert told.texts["en"].startswith("The provider had accepted the request, but help was not given.")
    assert set(told.texts) == {"en", "ru", "be"}

    await provider.answer(offer, Answer.DELIVERED)
    refused = await provider.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert (refused.reason, refused.state, refused.allowed) == (AnswerFault.LATE, "not-delivered", [])

    await agency.send(here.referral("R-2"))
    await agency.told("offered", "R-2")  # the one place is free again
    first = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.reference == "R-1"]
    assert [m.state for m in first if m.state.ended] == ["not-delivered"], "one end, and no other"
    assert not {"declined", "expired", "unmet"} & {m.state.value for m in first}


async def test_who_accepted_and_has_no_means_gives_the_need_back_and_it_goes_on(here: People) -> None:
    agency, first = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    offer = await first.offered()
    second = await here.provider(here.service(capacity=1))
    await first.answer(offer, Answer.ACCEPTED)
    await first.answer(offer, Answer.NOT_DELIVERED, NotDeliveredCode.LACK_OF_RESOURCES)
    told = await agency.told("declined", "R-1")
    assert (told.code, told.provider) == ("lack-of-resources", first.id)
    again = await second.offered(attempt=2)
    for answer in (Answer.ACCEPTED, Answer.DELIVERED):
        await second.answer(again, answer)
    assert (await agency.told("delivered", "R-1")).provider == second.id
