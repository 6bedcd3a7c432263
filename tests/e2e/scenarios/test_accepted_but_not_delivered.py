"""A need that was accepted and then not delivered has an outcome of its own."""

import pytest

from contracts.outcomes import StatusChanged
from contracts.provider import AnswerRefused
from contracts.words import Answer, AnswerFault, NextStep, NotDeliveredCode
from tests.e2e.actors import People

pytestmark = pytest.mark.acceptance(11)


async def test_an_accepted_need_that_is_not_delivered_is_neither_declined_nor_unmet_nor_delivered(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED, provider_reference="P-7")
    taken_up = await agency.wait_for("taken-up", "R-1")
    assert (taken_up.next, taken_up.reference, taken_up.provider_reference) == (
        NextStep.PROVIDER_STARTS,
        "R-1",
        "P-7",
    )
    await provider.answer(offer, Answer.NOT_DELIVERED, NotDeliveredCode.MOVED_AWAY)
    status = await agency.wait_for("not-delivered", "R-1")
    assert (status.code, status.fhir_status, status.next, status.next_by) == (
        "moved-away",
        "failed",
        NextStep.NOTHING,
        None,
    )
    assert (status.provider, status.attempt, status.provider_reference) == (provider.id, 1, "P-7")
    assert status.since > taken_up.since
    assert status.texts["en"].startswith("The provider had accepted the request, but help was not given.")
    assert set(status.texts) == {"en", "ru", "be"}

    await provider.answer(offer, Answer.DELIVERED)
    refused = await provider.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert (refused.reason, refused.state, refused.allowed) == (AnswerFault.LATE, "not-delivered", [])

    await agency.send(here.referral("R-2"))
    await agency.wait_for("offered", "R-2")  # the one place is free again
    first = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.reference == "R-1"]
    assert [m.state for m in first if m.state.ended] == ["not-delivered"], "it has one end"
    assert not {"declined", "expired", "unmet"} & {m.state.value for m in first}


async def test_a_provider_without_resources_returns_an_accepted_need_and_another_takes_it(here: People) -> None:
    agency, first = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    offer = await first.wait_for_offer()
    second = await here.provider(here.service(capacity=1))
    await first.answer(offer, Answer.ACCEPTED)
    await first.answer(offer, Answer.NOT_DELIVERED, NotDeliveredCode.LACK_OF_RESOURCES)
    status = await agency.wait_for("declined", "R-1")
    assert (status.code, status.provider) == ("lack-of-resources", first.id)
    again = await second.wait_for_offer(attempt=2)
    for answer in (Answer.ACCEPTED, Answer.DELIVERED):
        await second.answer(again, answer)
    assert (await agency.wait_for("delivered", "R-1")).provider == second.id
