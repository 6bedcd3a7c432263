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
from .state import LiveNeed, NeedRecord, UnplacedNeed, WaitingNeed, WaitPeriod, put_on_list, waiter_of

WAIT_OVER = "wait-over"
"""The timer of the end of the wait."""
PATIENCE_OVER = "patience-over"
"""The timer of the end of the patience: the need waits on, ahead of all others, and an operator is alerted."""


def begin_wait(
    state: UnplacedNeed,
    wait: WaitPeriod,
    funnel: list[FunnelStep],
    weighed: DecisionRationale | None,
    moment: Moment,
) -> list[Effect]:
    """Put the need on the waiting list, or start its next wait there."""
    record, need = state.record, state.record.accepted
    code = ALREADY_SERVED if record.already_served else None
    waits = facts.waiting(need, record.attempt, wait.since, wait.until, funnel, code, weighed)
    effects: list[Effect] = [Emit(waits, topics.MATCHING)]
    alerted = alert_due(record, wait, moment.now, moment.limits)
    if alerted:
        effects.append(alert(record, wait, funnel))
    if not need.held_back:
        waiter = waiter_of(put_on_list(state, waits), moment.now)
        effects.append(Put(queue.TABLE, queue.row_id(waiter.id, waiter.wait_number), queue.row(waiter)))
    effects += leave_list(state)
    if state.last_wait is None:  # one timer for all waits of a need, since they have one end
        effects.append(SetTimer(WAIT_OVER, wait.until))
    if wait.timed_for is not need.urgency and not alerted:
        effects.append(SetTimer(PATIENCE_OVER, patience_until(need, wait, moment.limits)))
    return effects


def patience_until(need: NeedRegistered, wait: WaitPeriod, limits: Limits) -> datetime:
    """When the patience of a waiting need is over."""
    return wait.since + limits.patience[need.urgency]


def alert_due(record: NeedRecord, wait: WaitPeriod, now: datetime, limits: Limits) -> bool:
    """Whether an operator must be alerted: once per need, and not for people who are helped under another referral."""
    need = record.accepted
    return not record.alerted and not need.held_back and patience_until(need, wait, limits) <= now


def alert(record: NeedRecord, wait: WaitPeriod, funnel: list[FunnelStep]) -> Emit:
    """Alert an operator that a need has waited too long."""
    over = facts.patience_over(record.accepted, record.attempt, wait.since, wait.until, funnel)
    return Emit(over, topics.MATCHING)


def leave_list(state: LiveNeed) -> list[Drop]:
    """Take a waiting need off the list; nothing for a need that does not wait."""
    if not isinstance(state, WaitingNeed):
        return []
    return [Drop(queue.TABLE, queue.row_id(state.record.accepted.need_id, state.record.wait_number))]
