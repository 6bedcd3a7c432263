"""The state of an offer is a type per phase, and follows from its facts."""

from datetime import timedelta

import pytest

from contracts import notification
from contracts.base import Message
from contracts.words import Lifecycle
from services.notification.domain.offer import Accepted, Ended, OfferState, Undecided, has_accepted
from services.notification.domain.state import Offers, evolve
from tests.support.builders import of_offer
from tests.support.clock import START

LATER = START + timedelta(hours=1)
OFFERED = of_offer(notification.Offered)
ACCEPTED = of_offer(notification.OfferAccepted, at=LATER)
DECLINED = of_offer(notification.Declined)
DELIVERED = of_offer(notification.Delivered)


def offer_after(*facts: Message) -> OfferState:
    state = Offers()
    for fact in facts:
        state = evolve(state, fact)
    (offer,) = state.all
    return offer


@pytest.mark.parametrize(
    ("facts", "kind", "phase", "accepted"),
    [
        ([OFFERED], Undecided, Lifecycle.OFFERED, False),
        ([OFFERED, of_offer(notification.Acknowledged)], Undecided, Lifecycle.ACKNOWLEDGED, False),
        ([OFFERED, ACCEPTED], Accepted, Lifecycle.ACCEPTED_BY_PROVIDER, True),
        ([OFFERED, ACCEPTED, of_offer(notification.InProgress)], Accepted, Lifecycle.IN_PROGRESS, True),
        ([OFFERED, DECLINED], Ended, Lifecycle.DECLINED, False),
        ([OFFERED, of_offer(notification.Expired)], Ended, Lifecycle.EXPIRED, False),
        ([OFFERED, ACCEPTED, of_offer(notification.Expired)], Ended, Lifecycle.EXPIRED, True),
        ([OFFERED, ACCEPTED, DELIVERED], Ended, Lifecycle.DELIVERED, True),
    ],
)
def test_each_phase_is_a_type(facts: list[Message], kind: type, phase: Lifecycle, accepted: bool) -> None:
    offer = offer_after(*facts)
    assert (type(offer), offer.phase, has_accepted(offer)) == (kind, phase, accepted)


def test_acceptance_has_a_time() -> None:
    offer = offer_after(OFFERED, ACCEPTED)
    assert isinstance(offer, Accepted)
    assert offer.accepted_at == LATER


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ([OFFERED, DELIVERED], r"notification\.delivered\.v1 cannot follow offered"),
        ([OFFERED, ACCEPTED, DECLINED], r"notification\.declined\.v1 cannot follow taken-up"),
        ([OFFERED, DECLINED, ACCEPTED], r"notification\.accepted\.v1 cannot follow declined"),
    ],
)
def test_a_fact_that_the_phase_does_not_allow_is_an_error(facts: list[Message], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        offer_after(*facts)
