"""What notification knows of one need: every offer made of it, and where each stands.

The stream is the need's id, so that two answers to one need are decided one after the other.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts import intake, notification
from contracts.base import Message
from contracts.matching import Broadcast
from contracts.notification import Running
from contracts.schedule import Schedule
from contracts.words import Answer, Category, DeadlineKind, Lifecycle, Urgency

_OUTCOMES: dict[Answer, Lifecycle] = {
    Answer.DELIVERED: Lifecycle.DELIVERED,
    Answer.PARTLY_DELIVERED: Lifecycle.PARTLY_DELIVERED,
    Answer.NOT_DELIVERED: Lifecycle.NOT_DELIVERED,
}

HELPED = frozenset({Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED})
"""With these not only the offer has ended, but the need."""

NEXT: dict[Lifecycle, dict[Answer, Lifecycle]] = {
    Lifecycle.OFFERED: {
        Answer.ACKNOWLEDGED: Lifecycle.ACKNOWLEDGED,
        Answer.ACCEPTED: Lifecycle.ACCEPTED_BY_PROVIDER,
        Answer.DECLINED: Lifecycle.DECLINED,
    },
    Lifecycle.ACKNOWLEDGED: {
        Answer.ACCEPTED: Lifecycle.ACCEPTED_BY_PROVIDER,
        Answer.DECLINED: Lifecycle.DECLINED,
        Answer.CHECK_IN: Lifecycle.ACKNOWLEDGED,
    },
    Lifecycle.ACCEPTED_BY_PROVIDER: {
        Answer.APPOINTMENT_PROPOSED: Lifecycle.APPOINTED,
        Answer.IN_PROGRESS: Lifecycle.IN_PROGRESS,
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.ACCEPTED_BY_PROVIDER,
    },
    Lifecycle.APPOINTED: {
        Answer.APPOINTMENT_KEPT: Lifecycle.IN_PROGRESS,
        Answer.APPOINTMENT_MOVED: Lifecycle.APPOINTED,
        Answer.NO_SHOW: Lifecycle.NO_SHOW,
        Answer.IN_PROGRESS: Lifecycle.IN_PROGRESS,
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.APPOINTED,
    },
    Lifecycle.NO_SHOW: {
        Answer.APPOINTMENT_PROPOSED: Lifecycle.APPOINTED,
        Answer.IN_PROGRESS: Lifecycle.IN_PROGRESS,
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.NO_SHOW,
    },
    Lifecycle.IN_PROGRESS: {
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.IN_PROGRESS,
    },
}
"""What a provider may say, and where it leads. A state that is not here has no answers: the offer has ended.

A check-in may be said a limited number of times: see `answers.allowed`.
"""

RUNS: dict[Lifecycle, tuple[DeadlineKind, ...]] = {
    Lifecycle.OFFERED: (DeadlineKind.ACKNOWLEDGE, DeadlineKind.DECIDE),
    Lifecycle.ACKNOWLEDGED: (DeadlineKind.DECIDE,),
    Lifecycle.ACCEPTED_BY_PROVIDER: (DeadlineKind.START,),
    Lifecycle.APPOINTED: (DeadlineKind.START,),
    Lifecycle.NO_SHOW: (DeadlineKind.START,),
    Lifecycle.IN_PROGRESS: (DeadlineKind.CLOSE,),
}
"""The clocks that run in a state."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer, which is one attempt. `provider_reference` is the provider's own number for the case.

    `clocks` are those started last, `done` the steps of clocks that were taken, for ever. `check_ins` counts those of
    the clock that runs; `turn` all news that brought no higher state. `release_asked`: intake was asked to tell this
    provider who the person is.
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
        """True while the provider can still say yes or no."""
        return self.phase in (Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED)

    @property
    def accepted(self) -> bool:
        """True from when the provider has said yes, to whatever end."""
        return self.accepted_at is not None

    @property
    def open(self) -> bool:
        """True until the offer has ended, one way or another."""
        return self.phase in NEXT

    @property
    def running(self) -> tuple[DeadlineKind, ...]:
        """The clocks that run; none when it has ended."""
        return RUNS.get(self.phase, ())

    def due(self, clock: DeadlineKind) -> datetime | None:
        """When a clock is overdue; None where it was never started."""
        return next((run.due_at for run in self.clocks if run.clock is clock), None)


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
        """Whether one of those may still help: it is open, or has yet to be read of and none has been accepted."""
        beside = self.beside(offer)
        if any(each.open for each in beside):
            return True
        over = any(each.accepted for each in (offer, *beside))
        return offer.broadcast is not None and len(beside) + 1 < offer.broadcast.offers and not over

    def made_to(self, provider: str, attempt: int) -> Offer | None:
        """The offer of that attempt, if it went to that provider. Nobody else is to learn that there is one."""
        return next((each for each in self.all if each.attempt == attempt and each.provider == provider), None)


def evolve(state: Offers, fact: Message) -> Offers:
    """The state after a fact; most facts for others (what went to providers and intake) change nothing."""
    match fact:
        case notification.Offered():
            return Offers((*state.all, _offer(fact)))
        case notification.Reminded():
            return _done(state, fact, "remind")
        case notification.Overdue():
            return _done(state, fact, "overdue")
        case notification.Escalated():
            return _done(state, fact, "escalate")
        case notification.CheckedIn():
            return _changed(state, fact, turn=fact.turn, check_ins=fact.count, **_clocks(fact.clocks))
        case notification.Acknowledged():
            reference = fact.provider_reference
            return _changed(
                state, fact, phase=Lifecycle.ACKNOWLEDGED, provider_reference=reference, **_clocks(fact.clocks)
            )
        case notification.OfferAccepted():
            reference = fact.provider_reference
            return _changed(
                state, fact, phase=Lifecycle.ACCEPTED_BY_PROVIDER, provider_reference=reference, accepted_at=fact.at,
                check_ins=0, **_clocks(fact.clocks),
            )  # fmt: skip
        case notification.Declined():
            return _changed(state, fact, phase=Lifecycle.DECLINED)
        case notification.Expired():
            return _changed(state, fact, phase=Lifecycle.EXPIRED)
        case notification.Revoked():
            return _changed(state, fact, phase=Lifecycle.REVOKED)
        case notification.Appointed():
            return _changed(
                state, fact, phase=Lifecycle.APPOINTED, provider_reference=fact.provider_reference, turn=fact.turn,
                appointment_at=fact.appointment_at, **_clocks(fact.clocks),
            )  # fmt: skip
        case notification.NoShow():
            reference = fact.provider_reference
            return _changed(
                state, fact, phase=Lifecycle.NO_SHOW, provider_reference=reference, turn=fact.turn,
                **_clocks(fact.clocks),
            )  # fmt: skip
        case notification.InProgress():
            reference = fact.provider_reference
            return _changed(
                state, fact, phase=Lifecycle.IN_PROGRESS, provider_reference=reference, check_ins=0,
                **_clocks(fact.clocks),
            )  # fmt: skip
        case notification.Delivered():
            phase = Lifecycle.PARTLY_DELIVERED if fact.partly else Lifecycle.DELIVERED
            return _changed(state, fact, phase=phase, provider_reference=fact.provider_reference)
        case notification.NotDelivered():
            reference = fact.provider_reference
            return _changed(state, fact, phase=Lifecycle.NOT_DELIVERED, provider_reference=reference)
        case intake.ReleaseRequested():
            return _changed(state, fact, release_asked=True)
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
        category=fact.category,
        urgency=fact.urgency,
        schedule=fact.schedule,
        clocks=tuple(fact.clocks),
        broadcast=fact.broadcast,
    )


def _done(
    state: Offers, fact: notification.Reminded | notification.Overdue | notification.Escalated, step: str
) -> Offers:
    """The names are those of `times.name`."""
    offer = next((each for each in state.all if _same(each, fact)), None)
    return state if offer is None else _changed(state, fact, done=offer.done | {f"{fact.clock.value}-{step}"})


def _clocks(clocks: list[Running]) -> dict[str, object]:
    """What clocks started anew change; facts older than clocks have none, and change none."""
    if not clocks:
        return {}
    changes: dict[str, object] = {"clocks": tuple(clocks)}
    for run in clocks:
        if run.clock is DeadlineKind.DECIDE:
            changes["decide_by"] = run.due_at
    return changes


def _same(offer: Offer, fact: Any) -> bool:
    return (offer.attempt, offer.provider) == (fact.attempt, fact.provider)


def _changed(state: Offers, fact: Any, **changes: object) -> Offers:
    return Offers(tuple(replace(each, **changes) if _same(each, fact) else each for each in state.all))  # type: ignore[arg-type]
