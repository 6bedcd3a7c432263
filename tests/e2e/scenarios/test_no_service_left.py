"""Acceptance seed 5: nobody is left who could take the need. It is unmet, and every reader learns why."""

from contracts import topics
from contracts.matching import Unmet
from contracts.outcomes import StatusChanged
from contracts.words import Answer, DeclineCode, Rule
from deploy.demo import client
from tests.e2e.actors import People


async def test_when_all_have_said_no_the_need_is_unmet_with_the_reasons(here: People) -> None:
    agency = await here.agency()
    providers = {each.id: each for each in [await here.provider(here.service()) for _ in range(2)]}
    await agency.send(here.referral("R-1", "urgent"))
    codes = [DeclineCode.NOT_ELIGIBLE, DeclineCode.OUT_OF_AREA]
    for attempt, code in enumerate(codes, 1):
        status = await agency.told("offered", "R-1", attempt=attempt)
        provider = providers.pop(status.provider or "")
        await provider.answer(await provider.offered(attempt), Answer.DECLINED, code)
    unmet = await agency.told("unmet", "R-1")
    told = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.state.value == "waiting"]
    assert all(each.next_by is not None and each.next_by <= unmet.since for each in told), "not before its wait is over"
    assert (unmet.fhir_status, unmet.code) == ("failed", "ruled-out")
    left = {step.rule: step.left for step in unmet.funnel}
    assert left[Rule.AREA] == 2, "two there were"
    assert left[Rule.RULED_OUT] == 0, "and both had said no"

    assert await here.declined(agency) == {code.value: 1 for code in codes}
    events = [client.read(record)[1] for record in await here.records(topics.MATCHING)]
    ours = [event for event in events if isinstance(event, Unmet) and event.need_id == unmet.need_id]
    assert ours
    assert all((event.cause, event.funnel) == (unmet.code, unmet.funnel) for event in ours)
