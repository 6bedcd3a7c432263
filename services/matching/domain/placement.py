"""Places a need that has no match: a match, or else a hold, a wait, or the end as unmet."""

from collections.abc import Sequence

from contracts import topics
from contracts.intake import NeedRegistered
from services.chassis.decider import Effect, Emit, SetTimer

from . import facts
from .choice import Choice
from .context import Moment
from .matches import match_need
from .rationale import weigh
from .state import NeedState, WaitPeriod
from .waiting import WAIT_OVER, begin_wait, leave_list


def place(state: NeedState, moment: Moment, *, paused: bool = False) -> Sequence[Effect]:
    """Match a need that has no match (not yet, if it is `paused`); or else let it wait; or else it is unmet."""
    need = state.waiter(moment.now).need
    matched, choice = match_need(state, moment)
    exhausted = state.rounds >= moment.limits.max_attempts
    wait_over = state.wait is not None and state.wait.until <= moment.now and not state.already_served
    if matched and not exhausted and (wait_over or not paused):
        return matched
    if exhausted:
        return _unmet(state, need, choice, facts.ATTEMPTS_EXHAUSTED, moment)
    if wait_over:
        cause = state.asks.code if state.asks else facts.cause_of(choice.funnel)
        return _unmet(state, need, choice, cause, moment)
    wait = state.wait or WaitPeriod(moment.now, moment.now + moment.limits.wait[need.urgency])
    if state.asks is not None:
        hold = facts.on_hold(need, state.attempt, state.asks, wait.since, wait.until)
        timer = [SetTimer(WAIT_OVER, wait.until)] if state.wait is None else []
        return [Emit(hold, topics.MATCHING), *leave_list(state), *timer]
    return begin_wait(state, need, wait, choice.funnel, weigh(choice, [], moment), moment)


def _unmet(state: NeedState, need: NeedRegistered, choice: Choice, cause: str, moment: Moment) -> list[Effect]:
    weighed = weigh(choice, [], moment)
    unmet = facts.unmet(need, state.attempt, cause, choice.funnel, weighed, state.hard_to_place)
    return [Emit(unmet, topics.MATCHING), *leave_list(state)]
