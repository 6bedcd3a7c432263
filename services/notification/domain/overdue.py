"""What follows when time passes and a provider does not answer: a reminder, overdue, an escalation, the offer's end.

Each step of a clock is taken once per offer, even if a check-in restarts the clock. A clock that has already run out is
not reminded of.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from contracts import notification, operations, provider
from contracts.notification import Running
from contracts.words import DeadlineKind, ExpiryCode, Lifecycle
from services.chassis.decider import Effect

from .broadcast import decide_in_turn
from .deadlines import next_timer, steps_of
from .messages import fact, offer_fields, provider_fields, to_provider
from .offer import OpenOffer, Undecided
from .state import Offers
from .transitions import CLOCKS, EXPIRE_TIMER, DeadlineStep, timer_name


def elapse(state: Offers, timer: operations.TimerElapsed, now: datetime) -> Sequence[Effect]:
    """What follows from a timer, for each offer.

    A timer counts only if the clock that set it still runs: so its time is compared with the clock's own.
    """
    return decide_in_turn(state, state.open, lambda then, offer: _elapse(then, offer, timer, now))


def _elapse(state: Offers, offer: OpenOffer, timer: operations.TimerElapsed, now: datetime) -> Sequence[Effect]:
    deadlines = offer.deadlines
    if timer.name == EXPIRE_TIMER:
        in_force = isinstance(offer, Undecided) and timer.due_at == deadlines.decide_by
        return _expire_undecided(state, offer, now) if in_force else []
    for run in deadlines.clocks:
        for step, at in steps_of(run):
            name = timer_name(run.clock, step)
            pending = name not in deadlines.done and run.clock in CLOCKS[offer.phase]
            if pending and (timer.name, timer.due_at) == (name, at):
                return [*_step_effects(offer, run, step, now), *next_timer(run, deadlines.done | {name})]
    return []


def _step_effects(offer: OpenOffer, run: Running, step: DeadlineStep, now: datetime) -> list[Effect]:
    match step:
        case DeadlineStep.REMIND if now >= run.due_at:
            return []  # the service was down; the next step reports it as overdue, so a reminder would be pointless
        case DeadlineStep.REMIND:
            reminder = provider.Reminder(
                **provider_fields(offer), decide_by=offer.deadlines.decide_by, clock=run.clock, due_at=run.due_at
            )
            reminded = notification.Reminded(**offer_fields(offer), at=now, clock=run.clock)
            return [to_provider(offer, reminder), fact(offer, reminded)]
        case DeadlineStep.OVERDUE:
            fields = _overdue_fields(offer, run.clock, run.due_at, run.expires_at)
            return [fact(offer, notification.Overdue(**offer_fields(offer), at=now, **fields))]
        case DeadlineStep.ESCALATE:
            fields = _overdue_fields(offer, run.clock, run.due_at, run.expires_at)
            return [fact(offer, notification.Escalated(**offer_fields(offer), at=now, **fields))]
        case DeadlineStep.EXPIRE:
            code = ExpiryCode.NOT_STARTED
            return [
                fact(offer, notification.Expired(**offer_fields(offer), at=now, code=code)),
                to_provider(offer, provider.OfferClosed(**provider_fields(offer), reason=code.value)),
            ]


def _expire_undecided(state: Offers, offer: OpenOffer, now: datetime) -> list[Effect]:
    """The decision is overdue. That is escalated at once, since the need goes on to the next service."""
    decide_by = offer.deadlines.decide_by
    fields = _overdue_fields(offer, DeadlineKind.DECIDE, decide_by, decide_by)
    return [
        fact(offer, notification.Overdue(**offer_fields(offer), at=now, **fields)),
        fact(offer, notification.Escalated(**offer_fields(offer), at=now, **fields)),
        fact(offer, notification.Expired(**offer_fields(offer), at=now, others_open=state.others_open(offer))),
        to_provider(offer, provider.OfferClosed(**provider_fields(offer), reason="expired")),
    ]


class _OverdueFields(TypedDict):
    clock: DeadlineKind
    state: Lifecycle
    turn: int
    due_at: datetime
    expires_at: datetime | None


def _overdue_fields(
    offer: OpenOffer, clock: DeadlineKind, due_at: datetime, expires_at: datetime | None
) -> _OverdueFields:
    """What `Overdue` and `Escalated` say about a clock. An unacknowledged offer ends when its decision is overdue."""
    if clock is DeadlineKind.ACKNOWLEDGE:
        expires_at = offer.deadlines.decide_by
    return _OverdueFields(
        clock=clock, state=offer.phase, turn=offer.deadlines.turn, due_at=due_at, expires_at=expires_at
    )
