"""A waiting need looks again for a place: it is recalled, or one of its timers is due."""

from collections.abc import Sequence

from contracts.operations import TimerElapsed
from services.chassis.decider import Drop, Effect, SetTimer

from ..waitlist import queue
from .context import Moment
from .matches import match_need
from .placement import place
from .state import HeldNeed, KnownNeed, NeedState, WaitingNeed
from .waiting import PATIENCE_OVER, alert, alert_due, patience_until


def recalled(state: NeedState, need_id: str, moment: Moment) -> Sequence[Effect]:
    """Look again, and delete the rows of waits that are over, which repeated events have put there again."""
    return [*_look_again(state, moment), *_delete_old_rows(state, need_id, moment)]


def _look_again(state: NeedState, moment: Moment) -> Sequence[Effect]:
    """The sweep eventually recalls every need, so an operator is alerted even without a (correct) timer."""
    return _match_or_alert(state, moment) if isinstance(state, WaitingNeed) else []


def _match_or_alert(state: WaitingNeed, moment: Moment) -> Sequence[Effect]:
    effects, choice = match_need(state, moment)
    if not effects and alert_due(state.record, state.wait, moment.now, moment.limits):
        return [alert(state.record, state.wait, choice.funnel)]
    return effects


def _delete_old_rows(state: NeedState, need_id: str, moment: Moment) -> list[Drop]:
    """A wait number later than the state's belongs to a wait that this matcher does not know yet: its row stays."""
    last = state.record.wait_number if isinstance(state, KnownNeed) else 0
    if isinstance(state, WaitingNeed):
        last -= 1
    over = sorted(each for each in moment.context.waiting_queues.wait_numbers(need_id) if each <= last)
    return [Drop(queue.TABLE, queue.row_id(need_id, each)) for each in over]


def wait_over(state: NeedState, event: TimerElapsed, moment: Moment) -> Sequence[Effect]:
    """The wait has ended, unless a later end has been set since: place the need now, or it is unmet."""
    if not isinstance(state, WaitingNeed | HeldNeed) or state.record.already_served:
        return []
    return place(state, moment) if state.wait.until <= min(event.due_at, moment.now) else []


def patience_over(state: NeedState, moment: Moment) -> Sequence[Effect]:
    """Look again, since from now on only the need's age counts; if that fails too, an operator is alerted."""
    if not isinstance(state, WaitingNeed) or state.record.alerted:
        return []
    until = patience_until(state.record.accepted, state.wait, moment.limits)
    if moment.now < until:  # the need was more urgent when this timer was set
        return [SetTimer(PATIENCE_OVER, until)]
    return _match_or_alert(state, moment) if alert_due(state.record, state.wait, moment.now, moment.limits) else []
