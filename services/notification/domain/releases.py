"""Intake is told when a provider that it may have told of a person has the need no more."""

from collections.abc import Sequence

from contracts import intake, notification, topics
from contracts.words import Lifecycle
from services.chassis.decider import Effect, Emit

from .state import Offers

_ENDS = (
    notification.Declined
    | notification.Expired
    | notification.Revoked
    | notification.Delivered
    | notification.NotDelivered
)


def let_go(state: Offers, effects: Sequence[Effect]) -> list[Emit]:
    """For each offer that ends by these effects, however it ends, if a release was asked for it."""
    ends = [each.event for each in effects if isinstance(each, Emit) and isinstance(each.event, _ENDS)]
    found = []
    for event in ends:
        offer = state.made_to(event.provider, event.attempt)
        if offer is not None and offer.release_asked:
            ended = intake.ReleaseEnded(
                referral_id=offer.referral_id,
                need_id=offer.need_id,
                need=offer.need,
                attempt=offer.attempt,
                provider=offer.provider,
                service=offer.service,
                end=_end(event),
            )
            found.append(Emit(ended, topics.inbox("intake"), offer.referral_id))
    return found


def _end(event: _ENDS) -> Lifecycle:
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
