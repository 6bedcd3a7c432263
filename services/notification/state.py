"""What notification knows of one need: every offer made of it, and where each stands.

The stream is the need's id, so that two answers to one need are decided one after the other.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from contracts import notification
from contracts.base import Message
from contracts.matching import Broadcast
from contracts.words import Answer, Lifecycle

NEXT: dict[Lifecycle, dict[Answer, Lifecycle]] = {
    Lifecycle.OFFERED: {
        Answer.ACKNOWLEDGED: Lifecycle.ACKNOWLEDGED,
        Answer.ACCEPTED: Lifecycle.TAKEN_UP,
        Answer.DECLINED: Lifecycle.DECLINED,
    },
    Lifecycle.ACKNOWLEDGED: {
        Answer.ACCEPTED: Lifecycle.TAKEN_UP,
        Answer.DECLINED: Lifecycle.DECLINED,
    },
    Lifecycle.TAKEN_UP: {
        Answer.IN_PROGRESS: Lifecycle.IN_PROGRESS,
        Answer.DELIVERED: Lifecycle.DELIVERED,
        Answer.PARTLY_DELIVERED: Lifecycle.PARTLY_DELIVERED,
        Answer.NOT_DELIVERED: Lifecycle.NOT_DELIVERED,
    },
    Lifecycle.IN_PROGRESS: {
        Answer.DELIVERED: Lifecycle.DELIVERED,
        Answer.PARTLY_DELIVERED: Lifecycle.PARTLY_DELIVERED,
        Answer.NOT_DELIVERED: Lifecycle.NOT_DELIVERED,
    },
}
"""What a provider may say, and where it leads. A state that is not here has no answers: the offer has ended."""


_ACCEPTED = {Lifecycle.TAKEN_UP, *NEXT[Lifecycle.TAKEN_UP].values()}


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer, which is one attempt. `provider_reference` is the provider's own number for the case."""

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int
    provider: str
    service: str
    acknowledge_by: datetime
    decide_by: datetime
    broadcast: Broadcast | None = None
    phase: Lifecycle = Lifecycle.OFFERED
    reminded: bool = False
    provider_reference: str | None = None

    @property
    def undecided(self) -> bool:
        """True while the provider can still say yes or no."""
        return self.phase in (Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED)

    @property
    def accepted(self) -> bool:
        """True from when the provider has said yes, to whatever end."""
        return self.phase in _ACCEPTED

    @property
    def open(self) -> bool:
        """True until the offer has ended, one way or another."""
        return self.phase in NEXT


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of one need, by rising attempt. All have ended but the last, and those made at once with it."""

    all: tuple[Offer, ...] = ()

    @property
    def current(self) -> Offer | None:
        """The latest offer."""
        return self.all[-1] if self.all else None

    @property
    def open(self) -> tuple[Offer, ...]:
        """Those that have not ended: one, or several that were made at once and that nobody has accepted yet."""
        return tuple(each for each in self.all if each.open)

    def of(self, attempt: int) -> Offer | None:
        """The offer of that attempt."""
        return next((each for each in self.all if each.attempt == attempt), None)

    def beside(self, offer: Offer) -> tuple[Offer, ...]:
        """The others that were made at once with it."""
        if offer.broadcast is None:
            return ()
        return tuple(each for each in self.all if each.broadcast == offer.broadcast and each.attempt != offer.attempt)

    def others_open(self, offer: Offer) -> bool:
        """Whether one of those may still help: it is open, or has yet to be read of."""
        beside = self.beside(offer)
        awaited = offer.broadcast is not None and len(beside) + 1 < offer.broadcast.offers
        return awaited or any(each.open for each in beside)

    def made_to(self, provider: str, attempt: int) -> Offer | None:
        """The offer of that attempt, if it went to that provider. Nobody else is to learn that there is one."""
        return next((each for each in self.all if each.attempt == attempt and each.provider == provider), None)


def evolve(state: Offers, fact: Message) -> Offers:
    """The state after a fact; facts for others (what went to providers and intake) change nothing."""
    match fact:
        case notification.Offered():
            return Offers((*state.all, _offer(fact)))
        case notification.Reminded():
            return _changed(state, fact.attempt, reminded=True)
        case notification.Acknowledged():
            return _changed(state, fact.attempt, phase=Lifecycle.ACKNOWLEDGED)
        case notification.Accepted():
            reference = fact.provider_reference
            return _changed(state, fact.attempt, phase=Lifecycle.TAKEN_UP, provider_reference=reference)
        case notification.Declined():
            return _changed(state, fact.attempt, phase=Lifecycle.DECLINED)
        case notification.Expired():
            return _changed(state, fact.attempt, phase=Lifecycle.EXPIRED)
        case notification.Revoked():
            return _changed(state, fact.attempt, phase=Lifecycle.REVOKED)
        case notification.InProgress():
            reference = fact.provider_reference
            return _changed(state, fact.attempt, phase=Lifecycle.IN_PROGRESS, provider_reference=reference)
        case notification.Delivered():
            phase = Lifecycle.PARTLY_DELIVERED if fact.partly else Lifecycle.DELIVERED
            return _changed(state, fact.attempt, phase=phase)
        case notification.NotDelivered():
            return _changed(state, fact.attempt, phase=Lifecycle.NOT_DELIVERED)
        case _:
            return state


def _offer(fact: notification.Offered) -> Offer:
    return Offer(
        referral_id=fact.referral_id,
        need_id=fact.need_id,
        need=fact.need,
        agency=fact.agency,
        reference=fact.reference,
        attempt=fact.attempt,
        provider=fact.provider,
        service=fact.service,
        acknowledge_by=fact.acknowledge_by,
        decide_by=fact.decide_by,
        broadcast=fact.broadcast,
    )


def _changed(state: Offers, attempt: int, **changes: object) -> Offers:
    return Offers(tuple(replace(each, **changes) if each.attempt == attempt else each for each in state.all))  # type: ignore[arg-type]
