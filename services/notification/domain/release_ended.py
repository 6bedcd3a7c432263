"""Informs intake when a provider no longer has a need for which it may know the person."""

from collections.abc import Sequence

from contracts import intake, notification, topics
from contracts.words import Lifecycle
from services.chassis.decider import Effect, Emit

from .offer import Accepted
from .state import Offers

_OfferEnd = (
    notification.Declined
    | notification.Expired
    | notification.Revoked
    | notification.Delivered
    | notification.NotDelivered
)


def release_ended(state: Offers, effects: Sequence[Effect]) -> list[Emit]:
    """One `intake.ReleaseEnded` for each offer that ends by these effects after a release was asked for it.

    `state` is the state before the effects.
    """
    ends = [each.event for each in effects if isinstance(each, Emit) and isinstance(each.event, _OfferEnd)]
    messages = []
    for event in ends:
        offer = state.made_to(event.provider, event.attempt)
        if isinstance(offer, Accepted) and offer.release_asked:
            terms = offer.terms
            ended = intake.ReleaseEnded(
                referral_id=terms.referral_id,
                need_id=terms.need_id,
                need=terms.need,
                attempt=terms.attempt,
                provider=terms.provider,
                service=terms.service,
                end=_state_after(event),
            )
            messages.append(Emit(ended, topics.inbox("intake"), terms.referral_id))
    return messages


def _state_after(event: _OfferEnd) -> Lifecycle:
    match event:
        case notification.Declined():
            return Lifecycle.DECLINED
        case notification.Expired():
            return Lifecycle.EXPIRED
        case notification.Revoked():
            return Lifecycle.REVOKED
        case notification.NotDelivered():
            return Lifecycle.NOT_DELIVERED
        case notification.Delivered():
            return Lifecycle.PARTLY_DELIVERED if event.partly else Lifecycle.DELIVERED
