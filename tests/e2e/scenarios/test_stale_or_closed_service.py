"""A service that has ended, has not begun or takes no referrals is excluded, with the reason."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.provider import EntryRefused, Offer
from contracts.words import Rule
from tests.e2e.actors import People, now

pytestmark = pytest.mark.acceptance(14)

TODAY = now().date()


@pytest.mark.parametrize(
    ("category", "closed"),
    [
        ("wash", {"valid_to": TODAY - timedelta(days=2)}),
        ("tracing", {"takes_referrals": False}),
        ("return", {"valid_from": TODAY + timedelta(days=9)}),
    ],
    ids=["stale", "takes none", "not yet"],
)
async def test_it_is_excluded_with_the_reason_until_its_entry_is_renewed(
    here: People, category: str, closed: dict[str, Any]
) -> None:
    agency = await here.agency()
    law = here.service("law", categories=["legal"])
    provider = await here.provider(here.service(category, 9, categories=[category], **closed), law)
    needs = [{"need": "law", "category": "legal", "urgency": "normal"}]
    await agency.send(here.referral("R-0", needs=needs))
    await provider.wait_for_offer(need="law")  # the entry published before it has been read too
    needs = [{"need": "1", "category": category, "urgency": "normal"}]
    await agency.send(here.referral("R-1", needs=needs))
    waiting = await agency.wait_for("waiting", "R-1")
    assert [(step.rule, step.left) for step in waiting.funnel] == [
        (Rule.CATEGORY, 1),  # no other test has this category
        (Rule.TENANT, 1),
        (Rule.OPEN, 0),
    ]
    if "valid_from" not in closed:
        refusal = await provider.notifications.until(lambda m: isinstance(m, EntryRefused))
        assert isinstance(refusal, EntryRefused)
        assert [problem.field for problem in refusal.problems] == list(closed)
    assert not any(isinstance(m, Offer) and m.need == "1" for _, m in provider.notifications.events)
    await provider.publish(here.service(category, 9, categories=[category]))
    await agency.wait_for("offered", "R-1")
