"""What notification knows about one need: every offer of it, and how facts change them.

The stream is the need's id, so two answers about one need are decided one after the other.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

from contracts import intake, notification
from contracts.base import Message
from contracts.words import Lifecycle

from .offer import Accepted, Deadlines, Ended, OfferState, OfferTerms, OpenOffer, Undecided, has_accepted
from .transitions import DeadlineStep


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of one need, by rising attempt. All have ended except the last and those broadcast with it."""

    all: tuple[OfferState, ...] = ()

    @property
    def current(self) -> OfferState | None:
        """The latest offer."""
        return self.all[-1] if self.all else None

    @property
    def open(self) -> tuple[OpenOffer, ...]:
        """The offers that have not ended: one, or several of a broadcast that nobody has accepted yet."""
        return tuple(each for each in self.all if not isinstance(each, Ended))

    def by_attempt(self, attempt: int) -> OfferState | None:
        """The offer of an attempt; None if there is none."""
        return next((each for each in self.all if each.terms.attempt == attempt), None)

    def made_to(self, provider: str, attempt: int) -> OfferState | None:
        """The offer of an attempt if it went to this provider, else None: no other provider may learn of it."""
        offer = self.by_attempt(attempt)
        return offer if offer is not None and offer.terms.provider == provider else None

    def rivals(self, terms: OfferTerms) -> tuple[OfferState, ...]:
        """The other offers of the same broadcast."""
        if terms.broadcast is None:
            return ()
        same_broadcast = (each for each in self.all if each.terms.broadcast == terms.broadcast)
        return tuple(each for each in same_broadcast if each.terms.attempt != terms.attempt)

    def others_open(self, offer: OfferState) -> bool:
        """Whether another offer of the same broadcast may still help.

        True if one is open, or if one has not been read yet and none has been accepted.
        """
        rivals, broadcast = self.rivals(offer.terms), offer.terms.broadcast
        if any(not isinstance(each, Ended) for each in rivals):
            return True
        all_read = broadcast is None or len(rivals) + 1 >= broadcast.offers
        return not all_read and not any(has_accepted(each) for each in (offer, *rivals))


_OfferFact = notification.OfferChange | intake.ReleaseRequested
"""The facts that change an offer. Other facts (messages to providers and to intake) change nothing."""


def evolve(state: Offers, fact: Message) -> Offers:
    """The state after a fact."""
    if isinstance(fact, notification.Offered):
        return Offers((*state.all, _new(fact)))
    if isinstance(fact, _OfferFact):
        return Offers(tuple(_evolved(each, fact) if _is_about(fact, each.terms) else each for each in state.all))
    return state


def _is_about(fact: _OfferFact, terms: OfferTerms) -> bool:
    return (fact.attempt, fact.provider) == (terms.attempt, terms.provider)


def _new(fact: notification.Offered) -> Undecided:
    terms = OfferTerms(
        referral_id=fact.referral_id,
        need_id=fact.need_id,
        need=fact.need,
        agency=fact.agency,
        reference=fact.reference,
        attempt=fact.attempt,
        provider=fact.provider,
        service=fact.service,
        category=fact.category,
        urgency=fact.urgency,
        schedule=fact.schedule,
        broadcast=fact.broadcast,
    )
    return Undecided(terms, Deadlines(fact.decide_by, tuple(fact.clocks)))


def _evolved(offer: OfferState, fact: _OfferFact) -> OfferState:
    """The offer after a fact about it. Raises `ValueError` for a fact that its phase does not allow."""
    match offer:
        case Undecided():
            return _decided(offer, fact)
        case Accepted():
            return _followed(offer, fact)
        case Ended():
            raise _impossible(offer, fact)


def _decided(offer: Undecided, fact: _OfferFact) -> OfferState:
    """What an undecided offer becomes."""
    match fact:
        case notification.Acknowledged():
            deadlines = offer.deadlines.restarted(fact.clocks)
            return replace(_with_reference(offer, fact), phase=Lifecycle.ACKNOWLEDGED, deadlines=deadlines)
        case notification.OfferAccepted():
            deadlines = offer.deadlines.restarted(fact.clocks, check_ins=0)
            return Accepted(offer.terms, deadlines, fact.at, provider_reference=fact.provider_reference)
        case notification.Declined():
            return _ended(_with_reference(offer, fact), Lifecycle.DECLINED)
        case _:
            return _passed(offer, fact)


def _followed(offer: Accepted, fact: _OfferFact) -> OfferState:
    """What an accepted offer becomes."""
    match fact:
        case intake.ReleaseRequested():
            return replace(offer, release_asked=True)
        case notification.Appointed():
            deadlines = offer.deadlines.restarted(fact.clocks, turn=fact.turn)
            moved = replace(_with_reference(offer, fact), appointment_at=fact.appointment_at)
            return replace(moved, phase=Lifecycle.APPOINTED, deadlines=deadlines)
        case notification.NoShow():
            deadlines = offer.deadlines.restarted(fact.clocks, turn=fact.turn)
            return replace(_with_reference(offer, fact), phase=Lifecycle.NO_SHOW, deadlines=deadlines)
        case notification.InProgress():
            deadlines = offer.deadlines.restarted(fact.clocks, check_ins=0)
            return replace(_with_reference(offer, fact), phase=Lifecycle.IN_PROGRESS, deadlines=deadlines)
        case notification.Delivered():
            partly = Lifecycle.PARTLY_DELIVERED if fact.partly else Lifecycle.DELIVERED
            return _ended(_with_reference(offer, fact), partly)
        case notification.NotDelivered():
            return _ended(_with_reference(offer, fact), Lifecycle.NOT_DELIVERED)
        case _:
            return _passed(offer, fact)


_Open = TypeVar("_Open", Undecided, Accepted)


def _passed(offer: _Open, fact: _OfferFact) -> _Open | Ended:
    """What any open offer becomes when time passes, when its provider checks in, or when it is taken back."""
    deadlines = offer.deadlines
    match fact:
        case notification.Reminded():
            return replace(offer, deadlines=deadlines.after_step(fact.clock, DeadlineStep.REMIND))
        case notification.Overdue():
            return replace(offer, deadlines=deadlines.after_step(fact.clock, DeadlineStep.OVERDUE))
        case notification.Escalated():
            return replace(offer, deadlines=deadlines.after_step(fact.clock, DeadlineStep.ESCALATE))
        case notification.CheckedIn():
            return replace(offer, deadlines=deadlines.restarted(fact.clocks, check_ins=fact.count, turn=fact.turn))
        case notification.Expired():
            return _ended(offer, Lifecycle.EXPIRED)
        case notification.Revoked():
            return _ended(offer, Lifecycle.REVOKED)
        case _:
            raise _impossible(offer, fact)


def _with_reference(offer: _Open, fact: notification.OfferChange) -> _Open:
    """The offer with the provider's own case number, as an answer left it."""
    return replace(offer, provider_reference=fact.provider_reference)


def _ended(offer: OpenOffer, end: Lifecycle) -> Ended:
    return Ended(offer.terms, end, isinstance(offer, Accepted), offer.provider_reference)


def _impossible(offer: OfferState, fact: Message) -> ValueError:
    return ValueError(f"{fact.TYPE} cannot follow {offer.phase.value}: attempt {offer.terms.attempt}")
