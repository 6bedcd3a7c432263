"""What notification knows about one need: every offer of it, and the state of each.

The stream is the need's id, so two answers about one need are decided one after the other.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from contracts import intake, notification
from contracts.base import Message
from contracts.matching import Broadcast
from contracts.notification import Running
from contracts.schedule import Schedule
from contracts.words import Category, DeadlineKind, Lifecycle, Urgency

from .transitions import CLOCKS, NEXT, DeadlineStep, timer_name


@dataclass(frozen=True, slots=True)
class OfferState:
    """One offer, which is one attempt, as it stands. (`contracts.provider.Offer` is the message its provider reads.)

    `clocks` are the clocks as they were last started. `done` names the steps that have been taken; none is taken twice.
    `check_ins` counts the check-ins of the running clock. `turn` counts the news that brought no higher state.
    `provider_reference` is the provider's own case number. `release_asked`: intake was asked to release the person's
    contact to this provider.
    """

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
    category: Category | None = None
    urgency: Urgency | None = None
    schedule: Schedule | None = None
    broadcast: Broadcast | None = None
    phase: Lifecycle = Lifecycle.OFFERED
    provider_reference: str | None = None
    clocks: tuple[Running, ...] = ()
    done: frozenset[str] = frozenset()
    check_ins: int = 0
    turn: int = 0
    accepted_at: datetime | None = None
    appointment_at: datetime | None = None
    release_asked: bool = False

    @property
    def undecided(self) -> bool:
        """True while the provider can still accept or decline."""
        return self.phase in (Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED)

    @property
    def accepted(self) -> bool:
        """True once the provider has accepted, however the offer ended later."""
        return self.accepted_at is not None

    @property
    def open(self) -> bool:
        """True until the offer has ended in any way."""
        return self.phase in NEXT

    @property
    def running(self) -> tuple[DeadlineKind, ...]:
        """The clocks that run; none once the offer has ended."""
        return CLOCKS.get(self.phase, ())

    def due_at(self, clock: DeadlineKind) -> datetime | None:
        """When a clock is overdue; None if it was never started."""
        return next((run.due_at for run in self.clocks if run.clock is clock), None)


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of one need, by rising attempt. All have ended except the last and those broadcast with it."""

    all: tuple[OfferState, ...] = ()

    @property
    def current(self) -> OfferState | None:
        """The latest offer."""
        return self.all[-1] if self.all else None

    @property
    def open(self) -> tuple[OfferState, ...]:
        """The offers that have not ended: one, or several of a broadcast that nobody has accepted yet."""
        return tuple(each for each in self.all if each.open)

    def by_attempt(self, attempt: int) -> OfferState | None:
        """The offer of an attempt; None if there is none."""
        return next((each for each in self.all if each.attempt == attempt), None)

    def made_to(self, provider: str, attempt: int) -> OfferState | None:
        """The offer of an attempt if it went to this provider, else None: no other provider may learn of it."""
        offer = self.by_attempt(attempt)
        return offer if offer is not None and offer.provider == provider else None

    def rivals(self, offer: OfferState) -> tuple[OfferState, ...]:
        """The other offers of the same broadcast."""
        if offer.broadcast is None:
            return ()
        return tuple(each for each in self.all if each.broadcast == offer.broadcast and each.attempt != offer.attempt)

    def others_open(self, offer: OfferState) -> bool:
        """Whether another offer of the same broadcast may still help.

        True if one is open, or if one has not been read yet and none has been accepted.
        """
        rivals = self.rivals(offer)
        if any(each.open for each in rivals):
            return True
        all_read = offer.broadcast is None or len(rivals) + 1 >= offer.broadcast.offers
        return not all_read and not any(each.accepted for each in (offer, *rivals))


_OfferFact = notification.OfferChange | intake.ReleaseRequested
"""The facts that change an offer. Other facts (messages to providers and to intake) change nothing."""


def evolve(state: Offers, fact: Message) -> Offers:
    """The state after a fact."""
    if isinstance(fact, notification.Offered):
        return Offers((*state.all, _new(fact)))
    if isinstance(fact, _OfferFact):
        return Offers(tuple(_evolved(each, fact) if _is_about(fact, each) else each for each in state.all))
    return state


def _is_about(fact: _OfferFact, offer: OfferState) -> bool:
    return (fact.attempt, fact.provider) == (offer.attempt, offer.provider)


def _new(fact: notification.Offered) -> OfferState:
    return OfferState(
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
        category=fact.category,
        urgency=fact.urgency,
        schedule=fact.schedule,
        clocks=tuple(fact.clocks),
        broadcast=fact.broadcast,
    )


def _evolved(offer: OfferState, fact: _OfferFact) -> OfferState:
    match fact:
        case notification.Reminded():
            return _step_done(offer, fact.clock, DeadlineStep.REMIND)
        case notification.Overdue():
            return _step_done(offer, fact.clock, DeadlineStep.OVERDUE)
        case notification.Escalated():
            return _step_done(offer, fact.clock, DeadlineStep.ESCALATE)
        case notification.CheckedIn():
            return replace(_restarted(offer, fact.clocks), turn=fact.turn, check_ins=fact.count)
        case intake.ReleaseRequested():
            return replace(offer, release_asked=True)
        case notification.Declined():
            return replace(offer, phase=Lifecycle.DECLINED)
        case notification.Expired():
            return replace(offer, phase=Lifecycle.EXPIRED)
        case notification.Revoked():
            return replace(offer, phase=Lifecycle.REVOKED)
        case _:
            return _answered(replace(offer, provider_reference=fact.provider_reference), fact)


def _answered(
    offer: OfferState,
    fact: notification.Acknowledged
    | notification.OfferAccepted
    | notification.Appointed
    | notification.NoShow
    | notification.InProgress
    | notification.Delivered
    | notification.NotDelivered,
) -> OfferState:
    match fact:
        case notification.Acknowledged():
            return replace(_restarted(offer, fact.clocks), phase=Lifecycle.ACKNOWLEDGED)
        case notification.OfferAccepted():
            accepted = replace(offer, phase=Lifecycle.ACCEPTED_BY_PROVIDER, accepted_at=fact.at, check_ins=0)
            return _restarted(accepted, fact.clocks)
        case notification.Appointed():
            appointed = replace(offer, phase=Lifecycle.APPOINTED, turn=fact.turn, appointment_at=fact.appointment_at)
            return _restarted(appointed, fact.clocks)
        case notification.NoShow():
            return replace(_restarted(offer, fact.clocks), phase=Lifecycle.NO_SHOW, turn=fact.turn)
        case notification.InProgress():
            return replace(_restarted(offer, fact.clocks), phase=Lifecycle.IN_PROGRESS, check_ins=0)
        case notification.Delivered():
            return replace(offer, phase=Lifecycle.PARTLY_DELIVERED if fact.partly else Lifecycle.DELIVERED)
        case notification.NotDelivered():
            return replace(offer, phase=Lifecycle.NOT_DELIVERED)


def _step_done(offer: OfferState, clock: DeadlineKind, step: DeadlineStep) -> OfferState:
    return replace(offer, done=offer.done | {timer_name(clock, step)})


def _restarted(offer: OfferState, clocks: list[Running]) -> OfferState:
    """The offer with these clocks. Facts from before there were clocks have none, and leave the offer as it is."""
    if not clocks:
        return offer
    decide_by = next((run.due_at for run in clocks if run.clock is DeadlineKind.DECIDE), offer.decide_by)
    return replace(offer, clocks=tuple(clocks), decide_by=decide_by)
