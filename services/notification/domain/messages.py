"""What is said of an offer, and to whom: to the other services everything, to its provider only what is its own."""

from typing import TypedDict

from contracts import topics
from contracts.base import Message
from contracts.matching import Broadcast
from services.chassis.decider import Emit

from .state import Offer


class Of(TypedDict):
    """What every fact says of its offer."""

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int
    provider: str
    service: str
    provider_reference: str | None
    broadcast: Broadcast | None


class To(TypedDict):
    """What every message to a provider says of its offer: not which agency it came from."""

    provider: str
    referral_id: str
    need: str
    need_id: str
    attempt: int
    service: str
    provider_reference: str | None


def of(offer: Offer) -> Of:
    """The first fields of a fact."""
    return Of(**to(offer), agency=offer.agency, reference=offer.reference, broadcast=offer.broadcast)


def to(offer: Offer) -> To:
    """The first fields of a message to a provider."""
    return To(
        provider=offer.provider,
        referral_id=offer.referral_id,
        need=offer.need,
        need_id=offer.need_id,
        attempt=offer.attempt,
        service=offer.service,
        provider_reference=offer.provider_reference,
    )


def fact(offer: Offer, event: Message) -> Emit:
    """What the other services follow."""
    return Emit(event, topics.NOTIFICATION, offer.referral_id)


def to_provider(offer: Offer, event: Message) -> Emit:
    """What the offer's provider reads."""
    return Emit(event, topics.notifications(offer.provider), offer.referral_id)
