"""The fields that all facts about an offer share, those that all messages to its provider share, and where each goes.

Other services read everything; a provider reads only what concerns it.
"""

from typing import TypedDict

from contracts import topics
from contracts.base import Message
from contracts.matching import Broadcast
from services.chassis.decider import Emit

from .offer import OfferState


class ProviderFields(TypedDict):
    """What every message to a provider says about its offer. It does not name the agency."""

    provider: str
    referral_id: str
    need: str
    need_id: str
    attempt: int
    service: str
    provider_reference: str | None


class OfferFields(ProviderFields):
    """What every fact says about its offer."""

    agency: str
    reference: str
    broadcast: Broadcast | None


def provider_fields(offer: OfferState) -> ProviderFields:
    """The first fields of a message to the offer's provider."""
    terms = offer.terms
    return ProviderFields(
        provider=terms.provider,
        referral_id=terms.referral_id,
        need=terms.need,
        need_id=terms.need_id,
        attempt=terms.attempt,
        service=terms.service,
        provider_reference=offer.provider_reference,
    )


def offer_fields(offer: OfferState) -> OfferFields:
    """The first fields of a fact about the offer."""
    terms = offer.terms
    return OfferFields(
        **provider_fields(offer), agency=terms.agency, reference=terms.reference, broadcast=terms.broadcast
    )


def fact(offer: OfferState, event: Message) -> Emit:
    """A fact on ``referrals.notification``, which matching and outcomes read."""
    return Emit(event, topics.NOTIFICATION, offer.terms.referral_id)


def to_provider(offer: OfferState, event: Message) -> Emit:
    """A message on the topic of the offer's provider."""
    return Emit(event, topics.notifications(offer.terms.provider), offer.terms.referral_id)
