"""Places a need that has no match: a match, or else a hold, a wait, or the end as unmet."""

from collections.abc import Sequence

from contracts import topics
from services.chassis.decider import Effect, Emit, SetTimer

from . import facts
from .choice import Choice
from .context import Moment
from .matches import match_need
from .rationale import weigh
from .state import NeedState, UnplacedNeed, WaitPeriod
from .waiting import WAIT_OVER, begin_wait, leave_list


def place(state: UnplacedNeed, moment: Moment, *, paused: bool = False) -> Sequence[Effect]:
    """Match a need that has no match (not yet, if it is `paused`); or else let it wait; or else it is unmet."""
    record, last_wait = state.record, state.last_wait
    matched, choice = match_need(state, moment)
    exhausted = record.rounds >= moment.limits.max_attempts
    wait_over = last_wait is not None and last_wait.until <= moment.now and not record.already_served
    if matched and not exhausted and (wait_over or not paused):
        return matched
    if exhausted:
        return _unmet(state, choice, facts.ATTEMPTS_EXHAUSTED, moment)
    if wait_over:
        return _unmet(state, choice, record.asks.code if record.asks else facts.cause_of(choice.funnel), moment)
    wait = last_wait or WaitPeriod(moment.now, moment.now + moment.limits.wait[record.accepted.urgency])
    if record.asks is not None:
        hold = facts.on_hold(record.accepted, record.attempt, record.asks, wait.since, wait.until)
        timer = [SetTimer(WAIT_OVER, wait.until)] if last_wait is None else []
        return [Emit(hold, topics.MATCHING), *leave_list(state), *timer]
    return begin_wait(state, wait, choice.funnel, weigh(choice, [], moment), moment)


def place_again(state: NeedState, moment: Moment, *, paused: bool = False) -> Sequence[Effect]:
    """`place` the need if the decision so far has left it without a match."""
    return place(state, moment, paused=paused) if isinstance(state, UnplacedNeed) else []


def _unmet(state: UnplacedNeed, choice: Choice, cause: str, moment: Moment) -> list[Effect]:
    unmet = facts.unmet(state.record, cause, choice.funnel, weigh(choice, [], moment))
    return [Emit(unmet, topics.MATCHING), *leave_list(state)]
