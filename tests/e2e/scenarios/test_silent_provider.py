"""A provider misses its deadline: it is reminded and overdue once, its need is re-routed, the agency is notified."""

from collections import Counter

import pytest

from contracts import topics
from contracts.notification import Escalated, Expired, Overdue
from contracts.outcomes import StatusChanged
from contracts.provider import OfferClosed, Reminder
from contracts.words import Answer, DeadlineKind
from deploy.demo import client
from tests.e2e.actors import People

pytestmark = pytest.mark.acceptance(3)


async def test_a_silent_provider_is_reminded_and_overdue_once_and_its_need_goes_to_the_next(here: People) -> None:
    agency = await here.agency()
    first, second = await here.provider(here.service(capacity=9)), await here.provider(here.service(capacity=2))
    await agency.send(here.referral("R-1", "urgent"))  # urgent times are seconds here, and nobody answers
    silent_id = (await agency.wait_for("offered", "R-1", attempt=1)).provider
    silent, other = (first, second) if silent_id == first.id else (second, first)

    reminder = await silent.notifications.until(lambda m: isinstance(m, Reminder))
    assert isinstance(reminder, Reminder)
    assert reminder.clock is DeadlineKind.ACKNOWLEDGE
    closed = await silent.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed)
    assert closed.reason == "expired"

    offer = await other.wait_for_offer(attempt=2)
    await other.answer(offer, Answer.ACCEPTED)
    assert (await agency.wait_for("taken-up", "R-1", attempt=2)).provider == other.id

    # The agency knows that the provider was late and with what, that the offer expired, and where the need went.
    statuses = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.attempt == 1]
    assert [m.overdue for m in statuses if m.overdue is DeadlineKind.ACKNOWLEDGE and not m.escalated] == [
        DeadlineKind.ACKNOWLEDGE
    ]
    assert any(m.escalated for m in statuses)
    assert "expired" in [m.state.value for m in statuses]

    # Each is published once, whatever the ticker does.
    records = [client.read(record) for record in await here.records(topics.NOTIFICATION)]
    facts = {event.id: message for event, message in records}.values()
    events = [m for m in facts if isinstance(m, Overdue | Escalated | Expired) and m.referral_id == offer.referral_id]
    counts = Counter((type(m).__name__, getattr(m, "clock", None)) for m in events if m.attempt == 1)
    assert (
        counts[("Overdue", DeadlineKind.ACKNOWLEDGE)]
        == counts[("Overdue", DeadlineKind.DECIDE)]
        == counts[("Expired", None)]
        == 1
    )
    assert set(counts.values()) == {1}
    reminders = [m for _, m in silent.notifications.events if isinstance(m, Reminder)]
    assert len(reminders) == 1
