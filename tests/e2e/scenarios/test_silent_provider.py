"""Seed 3: a silent provider past its time: reminder, overdue event once, re-route, referrer told."""

from collections import Counter

from contracts import topics
from contracts.notification import Escalated, Expired, Overdue
from contracts.outcomes import StatusChanged
from contracts.provider import OfferClosed, Reminder
from contracts.words import Answer, DeadlineKind
from deploy.demo import client
from tests.e2e.actors import People


async def test_a_silent_provider_is_reminded_is_overdue_once_and_its_need_goes_to_the_next(here: People) -> None:
    agency = await here.agency()
    first, second = await here.provider(here.service(capacity=9)), await here.provider(here.service(capacity=2))
    await agency.send(here.referral("R-1", "urgent"))  # urgent times are seconds here, and nobody answers
    silent_id = (await agency.told("offered", "R-1", attempt=1)).provider
    silent, other = (first, second) if silent_id == first.id else (second, first)

    reminder = await silent.notifications.until(lambda m: isinstance(m, Reminder))
    assert isinstance(reminder, Reminder)
    assert reminder.clock is DeadlineKind.ACKNOWLEDGE
    closed = await silent.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed)
    assert closed.reason == "expired"

    offer = await other.offered(attempt=2)
    await other.answer(offer, Answer.ACCEPTED)
    assert (await agency.told("taken-up", "R-1", attempt=2)).provider == other.id

    # The referrer knows that it was late, of what, that it expired, and where it went.
    told = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.attempt == 1]
    assert [m.overdue for m in told if m.overdue is DeadlineKind.ACKNOWLEDGE and not m.escalated] == [
        DeadlineKind.ACKNOWLEDGE
    ]
    assert any(m.escalated for m in told)
    assert "expired" in [m.state.value for m in told]

    # Each is said once, whatever the ticker does.
    records = [client.read(record) for record in await here.records(topics.NOTIFICATION)]
    facts = {event.id: message for event, message in records}.values()
    of_it = [m for m in facts if isinstance(m, Overdue | Escalated | Expired) and m.referral_id == offer.referral_id]
    said = Counter((type(m).__name__, getattr(m, "clock", None)) for m in of_it if m.attempt == 1)
    assert (
        said[("Overdue", DeadlineKind.ACKNOWLEDGE)]
        == said[("Overdue", DeadlineKind.DECIDE)]
        == said[("Expired", None)]
        == 1
    )
    assert set(said.values()) == {1}
    reminders = [m for _, m in silent.notifications.events if isinstance(m, Reminder)]
    assert len(reminders) == 1
