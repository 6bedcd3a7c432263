"""Puts a need on the waiting list and takes it off, and alerts an operator once its patience is over."""

from datetime import datetime

from contracts import topics
from contracts.intake import NeedRegistered
from contracts.matching import DecisionRationale, FunnelStep
from contracts.words import ALREADY_SERVED
from services.chassis.decider import Drop, Effect, Emit, Put, SetTimer

from ..model.limits import Limits
from ..waitlist import queue
from . import facts
from .context import Moment
from .state import NeedState, Phase, WaitPeriod, evolve

WAIT_OVER = "wait-over"
"""The timer of the end of the wait."""
PATIENCE_OVER = "patience-over"
"""The timer of the end of the patience: the need waits on, ahead of all others, and an operator is alerted."""


def begin_wait(
    state: NeedState,
    need: NeedRegistered,
    wait: WaitPeriod,
    funnel: list[FunnelStep],
    weighed: DecisionRationale | None,
    moment: Moment,
) -> list[Effect]:
    """Put the need on the waiting list, or start its next wait there."""
    code = ALREADY_SERVED if state.already_served else None
    waits = facts.waiting(need, state.attempt, wait.since, wait.until, funnel, code, weighed)
    effects: list[Effect] = [Emit(waits, topics.MATCHING)]
    alerted = alert_due(state, need, wait, moment.now, moment.limits)
    if alerted:
        effects.append(alert(state, need, wait, funnel))
    if not need.held_back:
        waiter = evolve(state, waits).waiter(moment.now)
        effects.append(Put(queue.TABLE, queue.row_id(waiter.id, waiter.wait_number), queue.row(waiter)))
    effects += leave_list(state)
    if state.wait is None:  # one timer for all waits of a need, since they have one end
        effects.append(SetTimer(WAIT_OVER, wait.until))
    if wait.timed_for is not need.urgency and not alerted:
        effects.append(SetTimer(PATIENCE_OVER, patience_until(need, wait, moment.limits)))
    return effects


def patience_until(need: NeedRegistered, wait: WaitPeriod, limits: Limits) -> datetime:
    """When the patience of a waiting need is over."""
    return wait.since + limits.patience[need.urgency]


def alert_due(state: NeedState, need: NeedRegistered, wait: WaitPeriod, now: datetime, limits: Limits) -> bool:
    """Whether an operator must be alerted: once per need, and not for people who are helped under another referral."""
    return not state.alerted and not need.held_back and patience_until(need, wait, limits) <= now


def alert(state: NeedState, need: NeedRegistered, wait: WaitPeriod, funnel: list[FunnelStep]) -> Emit:
    """Alert an operator that a need has waited too long."""
    return Emit(facts.patience_over(need, state.attempt, wait.since, wait.until, funnel), topics.MATCHING)


def leave_list(state: NeedState) -> list[Drop]:
    """Take a waiting need off the list; nothing for a need that does not wait."""
    if state.phase is not Phase.WAITING or state.accepted is None:
        return []
    return [Drop(queue.TABLE, queue.row_id(state.accepted.need_id, state.wait_number))]
