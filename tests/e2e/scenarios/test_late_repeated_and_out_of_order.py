"""Late, repeated and out-of-order answers change nothing, and the sender is notified why."""

import pytest

from contracts import topics
from contracts.outcomes import StatusChanged
from contracts.provider import Answered, AnswerRefused, ContactReleased, OfferClosed
from contracts.words import Answer, AnswerFault, DeclineCode, NotDeliveredCode
from deploy.demo import client
from tests.e2e.actors import People, Provider, in_order

pytestmark = pytest.mark.acceptance(12)


async def wait_for_refusal(provider: Provider, answer: Answer, reason: AnswerFault) -> AnswerRefused:
    """Wait until the provider is notified why this answer changed nothing."""
    message = await provider.notifications.until(
        lambda m: isinstance(m, AnswerRefused) and (m.answer, m.reason) == (answer, reason)
    )
    assert isinstance(message, AnswerRefused)
    return message


async def test_answers_out_of_order_and_repeated_change_nothing_and_their_sender_learns_why(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()

    await provider.answer(offer, Answer.DELIVERED)  # nobody has accepted
    early = await wait_for_refusal(provider, Answer.DELIVERED, AnswerFault.NOT_ALLOWED)
    assert (early.state, early.allowed) == ("offered", [Answer.ACKNOWLEDGED, Answer.ACCEPTED, Answer.DECLINED])

    await provider.answer(offer, Answer.ACCEPTED)
    await provider.answer(offer, Answer.ACCEPTED)  # again, under another id
    again = await wait_for_refusal(provider, Answer.ACCEPTED, AnswerFault.REPEATED)
    assert again.state == "taken-up"
    await provider.answer(offer, Answer.ACKNOWLEDGED)  # the acceptance has overtaken it
    assert (await wait_for_refusal(provider, Answer.ACKNOWLEDGED, AnswerFault.NOT_ALLOWED)).state == "taken-up"
    await provider.answer(offer, Answer.DECLINED, DeclineCode.OTHER)  # too late to decline
    assert Answer.NOT_DELIVERED in (await wait_for_refusal(provider, Answer.DECLINED, AnswerFault.NOT_ALLOWED)).allowed

    # The release waits until the provider's key is read, and after the delivery nothing is released.
    await provider.notifications.until(lambda m: isinstance(m, ContactReleased))
    body = Answered(referral_id=offer.referral_id, need=offer.need, attempt=offer.attempt, answer=Answer.IN_PROGRESS)
    for _ in range(3):  # the same event three times
        await client.send(
            provider._writer, topics.responses(provider.id), offer.referral_id, f"/{provider.id}", body, "same-id"
        )
    await agency.wait_for("in-progress", "R-1")
    await provider.answer(offer, Answer.DELIVERED)
    await agency.wait_for("delivered", "R-1")
    await provider.answer(offer, Answer.NOT_DELIVERED, NotDeliveredCode.OTHER)
    ended = await wait_for_refusal(provider, Answer.NOT_DELIVERED, AnswerFault.LATE)
    assert (ended.state, ended.allowed) == ("delivered", [])

    await agency.status.read_for()
    states = [m.state.value for _, m in agency.status.events if isinstance(m, StatusChanged)]
    rising = ["accepted", "waiting", "matched", "offered", "taken-up", "in-progress", "delivered"]
    assert in_order(states, rising), states
    await provider.notifications.read_for(0.5)
    assert sum(isinstance(m, ContactReleased) for _, m in provider.notifications.events) == 1


async def test_an_answer_to_an_expired_offer_is_late_and_the_next_provider_keeps_the_need(
    here: People,
) -> None:
    agency = await here.agency()
    first, second = await here.provider(here.service(capacity=9)), await here.provider(here.service(capacity=2))
    await agency.send(here.referral("R-1", "urgent"))  # urgent times are seconds here
    slow_id = (await agency.wait_for("offered", "R-1", attempt=1)).provider
    slow, other = (first, second) if slow_id == first.id else (second, first)
    missed = await slow.wait_for_offer()
    await slow.notifications.until(lambda m: isinstance(m, OfferClosed))
    taken = await other.wait_for_offer(attempt=2)
    await other.answer(taken, Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-1", attempt=2)

    await slow.answer(missed, Answer.ACCEPTED)
    late = await wait_for_refusal(slow, Answer.ACCEPTED, AnswerFault.LATE)
    assert (late.state, late.allowed, late.attempt) == ("expired", [], 1)
    assert other.id not in late.model_dump_json(), "it does not learn who has the need now"
    await slow.notifications.read_for(1)
    assert not any(isinstance(m, ContactReleased) for _, m in slow.notifications.events)
    await other.answer(taken, Answer.DELIVERED)
    assert (await agency.wait_for("delivered", "R-1")).provider == other.id
