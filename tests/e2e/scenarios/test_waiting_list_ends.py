"""A wait for a place has an end, which the agency knows from the start."""

import pytest

from contracts.outcomes import StatusChanged
from contracts.provider import Offer
from contracts.words import Answer, NextStep, NotDeliveredCode
from tests.e2e.actors import People

pytestmark = pytest.mark.acceptance(13)


async def test_an_agency_knows_until_when_a_need_waits_and_at_the_end_that_no_help_was_found(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    holding = await provider.wait_for_offer()
    await provider.answer(holding, Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-1")

    await agency.send(here.referral("R-2", "urgent"))  # an urgent wait is seconds here
    waits = await agency.wait_for("waiting", "R-2")
    assert waits.next is NextStep.PLACE_NEEDED
    assert waits.next_by is not None
    assert waits.next_by > waits.since
    assert [step.left for step in waits.funnel][-1] == 0
    assert "waiting list" in waits.texts["en"]
    assert "Due by" in waits.texts["en"]

    unmet = await agency.wait_for("unmet", "R-2")
    assert unmet.since >= waits.next_by, "not before the announced end"
    assert (unmet.code, unmet.fhir_status, unmet.next) == ("no-place", "failed", NextStep.NOTHING)
    assert [step.rule for step in unmet.funnel] == [step.rule for step in waits.funnel]
    assert "Reason: suitable services had no free place" in unmet.texts["en"]

    await provider.answer(holding, Answer.NOT_DELIVERED, NotDeliveredCode.MOVED_AWAY)
    await agency.send(here.referral("R-3"))
    third = await agency.wait_for("offered", "R-3")  # the place goes to a need that is still open
    await provider.notifications.until(lambda m: isinstance(m, Offer) and m.referral_id == third.referral_id)
    await provider.notifications.read_for()
    offered = {m.referral_id for _, m in provider.notifications.events if isinstance(m, Offer)}
    assert offered == {holding.referral_id, third.referral_id}
    ends = [m.state for _, m in agency.status.events if isinstance(m, StatusChanged) and m.reference == "R-2"]
    assert ends[-1] == "unmet"
    assert sum(state.ended for state in ends) == 1
