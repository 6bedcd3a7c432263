"""Two providers accept at once: one gets the need, the other is notified, and its place is free again."""

import asyncio

import pytest

from contracts.agency import ReferralWithdrawn
from contracts.outcomes import StatusChanged
from contracts.provider import AnswerRefused, ContactReleased, Offer, OfferClosed
from contracts.words import Answer, AnswerFault
from tests.e2e.actors import Agency, People, Provider, in_order

pytestmark = pytest.mark.acceptance(1)


async def offer_of(provider: Provider, referral_id: str) -> Offer:
    """Wait for the offer of a referral."""
    offer = await provider.notifications.until(lambda m: isinstance(m, Offer) and m.referral_id == referral_id)
    assert isinstance(offer, Offer)
    return offer


async def offered_at_once(here: People, agency: Agency, *providers: Provider) -> tuple[str, list[Offer]]:
    """An emergency that is offered to all of them at once: the first one sent after matching has read all entries."""
    for number in range(20):
        reference = f"R-{number}"
        await agency.send(here.referral(reference, "emergency"))
        status = await agency.wait_for("offered", reference)
        if status.broadcast is not None and status.broadcast.offers == len(providers):
            return reference, [await offer_of(each, status.referral_id) for each in providers]
        await agency.send(ReferralWithdrawn(reference=reference))
        await agency.wait_for("withdrawn", reference)
    raise AssertionError("matching has not read the entries of all providers")


async def test_one_of_two_providers_that_accept_at_once_gets_the_need_and_the_other_is_notified(here: People) -> None:
    agency = await here.agency()
    providers = [await here.provider(here.service(capacity=1)) for _ in range(2)]
    reference, offers = await offered_at_once(here, agency, *providers)
    assert {offer.offers for offer in offers} == {2}
    assert sorted(offer.attempt for offer in offers)[1] - sorted(offer.attempt for offer in offers)[0] == 1

    accepting = (each.answer(offer, Answer.ACCEPTED) for each, offer in zip(providers, offers, strict=True))
    await asyncio.gather(*accepting)
    taken_up = await agency.wait_for("taken-up", reference)
    (winner, won), (loser, lost) = sorted(
        zip(providers, offers, strict=True), key=lambda each: each[0].id != taken_up.provider
    )
    assert (taken_up.provider, taken_up.attempt) == (winner.id, won.attempt)

    closed = await loser.notifications.until(lambda m: isinstance(m, OfferClosed) and m.need_id == lost.need_id)
    assert isinstance(closed, OfferClosed)
    assert (closed.attempt, closed.reason) == (lost.attempt, "taken-by-another")
    refused = await loser.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert (refused.reason, refused.state, refused.allowed) == (AnswerFault.LATE, "revoked", [])
    await winner.notifications.until(lambda m: isinstance(m, ContactReleased))
    assert not any(isinstance(m, ContactReleased) for _, m in loser.notifications.events), (
        "it does not learn who the person is"
    )

    await agency.send(here.referral("R-next"))  # the loser's one place is free again, the winner's is not
    assert (await agency.wait_for("offered", "R-next")).provider == loser.id

    await winner.answer(won, Answer.DELIVERED)
    await agency.wait_for("delivered", reference)
    statuses = [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.reference == reference]
    story = [status.state.value for status in statuses]
    rising = ["accepted", "waiting", "matched", "offered", "taken-up", "delivered"]
    assert in_order(story, rising), "in order, each once, with one end"
