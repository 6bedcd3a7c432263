"""Acceptance seed 13: a waiting list with an end."""

from contracts.outcomes import StatusChanged
from contracts.provider import Offer
from contracts.words import Answer, NextStep, NotDeliveredCode
from tests.e2e.actors import People


async def test_who_waits_is_told_until_when_and_at_its_end_that_no_help_was_found(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    holding = await provider.offered()
    await provider.answer(holding, Answer.ACCEPTED)
    await agency.told("taken-up", "R-1")

    await agency.send(here.referral("R-2", "urgent"))  # whose wait is seconds here
    waits = await agency.told("waiting", "R-2")
    assert waits.next is NextStep.PLACE_NEEDED
    assert waits.next_by is not None
    assert waits.next_by > waits.since
    assert [step.left for step in waits.funnel][-1] == 0
    assert "waiting list" in waits.texts["en"]
    assert "Due by" in waits.texts["en"]

    unmet = await agency.told("unmet", "R-2")
    assert unmet.since >= waits.next_by, "not before the end it was told"
    assert (unmet.code, unmet.fhir_status, unmet.next) == ("no-place", "failed", NextStep.NOTHING)
    assert [step.rule for step in unmet.funnel] == [step.rule for step in waits.funnel]
    assert "Reason: suitable services had no free place" in unmet.texts["en"]

    await provider.answer(holding, Answer.NOT_DELIVERED, NotDeliveredCode.MOVED_AWAY)
    await agency.send(here.referral("R-3"))
    third = await agency.told("offered", "R-3")  # the place goes to who still needs it
    await provider.notifications.until(lambda m: isinstance(m, Offer) and m.referral_id == third.referral_id)
    await provider.notifications.quiet()
    offered = {m.referral_id for _, m in provider.notifications.events if isinstance(m, Offer)}
    assert offered == {holding.referral_id, third.referral_id}
    ends = [m.state for _, m in agency.status.events if isinstance(m, StatusChanged) and m.reference == "R-2"]
    assert ends[-1] == "unmet"
    assert sum(state.ended for state in ends) == 1
