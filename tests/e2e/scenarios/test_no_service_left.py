"""No service is left that could take the need: it is unmet, and every reader learns why."""

import pytest

from contracts import topics
from contracts.matching import Unmet
from contracts.outcomes import StatusChanged
from contracts.words import Answer, DeclineCode, Rule
from deploy.demo import client
from tests.e2e.actors import People

pytestmark = pytest.mark.acceptance(5)


async def test_a_need_that_all_decline_is_unmet_with_the_reasons(here: People) -> None:
    agency = await here.agency()
    providers = {each.id: each for each in [await here.provider(here.service()) for _ in range(2)]}
    await agency.send(here.referral("R-1", "urgent"))
    codes = [DeclineCode.NOT_ELIGIBLE, DeclineCode.OUT_OF_AREA]
    for attempt, code in enumerate(codes, 1):
        status = await agency.wait_for("offered", "R-1", attempt=attempt)
        provider = providers.pop(status.provider or "")
        await provider.answer(await provider.wait_for_offer(attempt), Answer.DECLINED, code)
    unmet = await agency.wait_for("unmet", "R-1")
    waits = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.state.value == "waiting"]
    assert all(each.next_by is not None and each.next_by <= unmet.since for each in waits), (
        "it is unmet only after its wait"
    )
    assert (unmet.fhir_status, unmet.code) == ("failed", "ruled-out")
    left = {step.rule: step.left for step in unmet.funnel}
    assert left[Rule.AREA] == 2, "there were two"
    assert left[Rule.RULED_OUT] == 0, "both declined"

    assert await here.count_declines(agency) == {code.value: 1 for code in codes}
    events = [client.read(record)[1] for record in await here.records(topics.MATCHING)]
    ours = [event for event in events if isinstance(event, Unmet) and event.need_id == unmet.need_id]
    assert ours
    assert all((event.cause, event.funnel) == (unmet.code, unmet.funnel) for event in ours)
