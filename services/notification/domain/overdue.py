"""What follows when time goes by and a provider says nothing: reminded, overdue, escalated, and the offer's end.

Each step of a clock is taken once in an offer, also where a check-in has set the clock anew. Nobody is reminded of a
clock that is over.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from contracts import notification, operations, provider
from contracts.notification import Running
from contracts.words import DeadlineKind, ExpiryCode, Lifecycle
from services.chassis.decider import Effect

from .broadcast import each_in_turn
from .deadlines import EXPIRE, Step, name, steps, wait_for
from .messages import fact, of, to, to_provider
from .state import Offer, Offers


def elapse(state: Offers, elapsed: operations.TimerElapsed, now: datetime) -> Sequence[Effect]:
    """A timer counts only for a clock that set it and still runs: its time is compared with the clock's own."""
    return each_in_turn(state, state.all, lambda then, offer: _elapse(then, offer, elapsed, now))


def _elapse(state: Offers, offer: Offer, elapsed: operations.TimerElapsed, now: datetime) -> Sequence[Effect]:
    if elapsed.name == EXPIRE:
        return _undecided(state, offer, now) if offer.undecided and elapsed.due_at == offer.decide_by else []
    for run in offer.clocks:
        for step, at in steps(run):
            what = name(run.clock, step)
            if (elapsed.name, elapsed.due_at) == (what, at) and what not in offer.done and run.clock in offer.running:
                return [*_taken(offer, run, step, now), *wait_for(run, offer.done | {what})]
    return []


def _taken(offer: Offer, run: Running, step: Step, now: datetime) -> list[Effect]:
    match step:
        case Step.REMIND if now >= run.due_at:
            return []  # we were away: what follows says that it is over, and to hurry is in vain
        case Step.REMIND:
            reminder = provider.Reminder(**to(offer), decide_by=offer.decide_by, clock=run.clock, due_at=run.due_at)
            reminded = notification.Reminded(**of(offer), at=now, clock=run.clock)
            return [to_provider(offer, reminder), fact(offer, reminded)]
        case Step.OVERDUE:
            late = _late(offer, run.clock, run.due_at, run.expires_at)
            return [fact(offer, notification.Overdue(**of(offer), at=now, **late))]
        case Step.ESCALATE:
            late = _late(offer, run.clock, run.due_at, run.expires_at)
            return [fact(offer, notification.Escalated(**of(offer), at=now, **late))]
        case Step.EXPIRE:
            code = ExpiryCode.NOT_STARTED
            return [
                fact(offer, notification.Expired(**of(offer), at=now, code=code)),
                to_provider(offer, provider.OfferClosed(**to(offer), reason=code.value)),
            ]


def _undecided(state: Offers, offer: Offer, now: datetime) -> list[Effect]:
    """The decision is overdue, which is escalated at once, since the need goes on to the next service."""
    late = _late(offer, DeadlineKind.DECIDE, offer.decide_by, offer.decide_by)
    return [
        fact(offer, notification.Overdue(**of(offer), at=now, **late)),
        fact(offer, notification.Escalated(**of(offer), at=now, **late)),
        fact(offer, notification.Expired(**of(offer), at=now, others_open=state.others_open(offer))),
        to_provider(offer, provider.OfferClosed(**to(offer), reason="expired")),
    ]


class _Late(TypedDict):
    clock: DeadlineKind
    state: Lifecycle
    turn: int
    due_at: datetime
    expires_at: datetime | None


def _late(offer: Offer, clock: DeadlineKind, due_at: datetime, expires_at: datetime | None) -> _Late:
    if clock is DeadlineKind.ACKNOWLEDGE:
        expires_at = offer.decide_by
    return _Late(clock=clock, state=offer.phase, turn=offer.turn, due_at=due_at, expires_at=expires_at)
