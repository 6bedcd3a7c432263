"""A waiting need looks again for a place: it is recalled, or one of its timers is due."""

from collections.abc import Sequence

from contracts.operations import TimerElapsed
from services.chassis.decider import Drop, Effect, SetTimer

from ..waitlist import queue
from .context import Moment
from .matches import match_need
from .placement import place
from .state import NeedState, Phase
from .waiting import PATIENCE_OVER, alert, alert_due, patience_until


def recalled(state: NeedState, need_id: str, moment: Moment) -> Sequence[Effect]:
    """Look again, and delete the rows of waits that are over, which repeated events have put there again."""
    return [*_look_again(state, moment), *_delete_old_rows(state, need_id, moment)]


def _look_again(state: NeedState, moment: Moment) -> Sequence[Effect]:
    """The sweep eventually recalls every need, so an operator is alerted even without a (correct) timer."""
    need, wait = state.accepted, state.wait
    if state.phase is not Phase.WAITING or need is None or wait is None:
        return []
    effects, choice = match_need(state, moment)
    if not effects and alert_due(state, need, wait, moment.now, moment.limits):
        return [alert(state, need, wait, choice.funnel)]
    return effects


def _delete_old_rows(state: NeedState, need_id: str, moment: Moment) -> list[Drop]:
    """A wait number later than the state's belongs to a wait that this matcher does not know yet: its row stays."""
    waits = state.phase is Phase.WAITING
    last = state.wait_number - 1 if waits else state.wait_number
    over = sorted(each for each in moment.context.waiting_queues.wait_numbers(need_id) if each <= last)
    return [Drop(queue.TABLE, queue.row_id(need_id, each)) for each in over]


def wait_over(state: NeedState, event: TimerElapsed, moment: Moment) -> Sequence[Effect]:
    """The wait has ended, unless a later end has been set since: place the need now, or it is unmet."""
    if state.already_served or state.phase not in (Phase.WAITING, Phase.HELD) or state.wait is None:
        return []
    return place(state, moment) if state.wait.until <= min(event.due_at, moment.now) else []


def patience_over(state: NeedState, moment: Moment) -> Sequence[Effect]:
    """Look again, since from now on only the need's age counts; if that fails too, an operator is alerted."""
    need, wait = state.accepted, state.wait
    if state.phase is not Phase.WAITING or state.alerted or need is None or wait is None:
        return []
    until = patience_until(need, wait, moment.limits)
    if moment.now < until:  # the need was more urgent when this timer was set
        return [SetTimer(PATIENCE_OVER, until)]
    if not alert_due(state, need, wait, moment.now, moment.limits):
        return []
    effects, choice = match_need(state, moment)
    return effects or [alert(state, need, wait, choice.funnel)]
