"""The order of states: which of two states of a need is the later one, whatever the order in which events are read.

    received < accepted < already served < waiting(0) < matched(1) < offered < acknowledged < accepted by provider
             < appointed, no-show < in progress < declined, expired, revoked < on hold(1) < waiting(1) < matched(2) < …
             < withdrawn < unmet < not delivered, partly delivered, delivered

Numbers are attempts. Within one state: as it was reached < overdue < escalated < the same after the next turn (a
check-in, an appointment moved). Appointed and no-show follow each other by turns. The offers of a broadcast rank as one
attempt, the first of them. Any end of the need ranks above every open state, and above a withdrawal that came too late
to be the end.
"""

from contracts.outcomes import Noted, StatusChanged
from contracts.words import ALREADY_SERVED, DeadlineKind, Lifecycle

_OPEN_STATES = (
    Lifecycle.RECEIVED,
    Lifecycle.ACCEPTED,
    Lifecycle.MATCHED,
    Lifecycle.OFFERED,
    Lifecycle.ACKNOWLEDGED,
    Lifecycle.ACCEPTED_BY_PROVIDER,
    Lifecycle.APPOINTED,
    Lifecycle.NO_SHOW,
    Lifecycle.IN_PROGRESS,
    Lifecycle.DECLINED,
    Lifecycle.EXPIRED,
    Lifecycle.REVOKED,
    Lifecycle.ON_HOLD,
    Lifecycle.WAITING,
)
"""In order within one attempt. Received, accepted and the first waiting belong to attempt 0."""

_ENDS = (
    Lifecycle.REJECTED,
    Lifecycle.WITHDRAWN,
    Lifecycle.UNMET,
    Lifecycle.NOT_DELIVERED,
    Lifecycle.PARTLY_DELIVERED,
    Lifecycle.DELIVERED,
)
"""In order."""

_ALTERNATES_WITH = {Lifecycle.NO_SHOW: Lifecycle.APPOINTED}
"""States that follow each other by turns: they rank as the one, then by turn."""

Rank = tuple[int, ...]


def rank(state: Lifecycle, attempt: int, turn: int = 0, late: int = 0, code: str | None = None) -> Rank:
    """The place of a state in the order above. The order is total, so there is always one highest state.

    All withdrawals have one rank, whether they come from the agency (no attempt) or, through a provider, from the
    person (some attempt). `late` orders overdue and escalated. Of the codes only `ALREADY_SERVED` counts: a need that
    is held back starts to wait for a place only afterwards.
    """
    if state.ended:
        return (1, _ENDS.index(state), 0 if state is Lifecycle.WITHDRAWN else attempt, turn, late)
    is_held_back = state is Lifecycle.WAITING and code == ALREADY_SERVED
    phase = Lifecycle.ACCEPTED if is_held_back else _ALTERNATES_WITH.get(state, state)
    return (0, attempt, _OPEN_STATES.index(phase), turn, _OPEN_STATES.index(state), late)


def rank_of(event: Noted | StatusChanged) -> Rank | None:
    """The rank of the state that an event brings; None if it brings none."""
    if event.state is None:
        return None
    late = 0 if event.overdue is None else 1 + 2 * (event.overdue is DeadlineKind.DECIDE) + event.escalated
    return rank(event.state, ranked_attempt(event), event.turn, late, event.code)


def ranked_attempt(event: Noted | StatusChanged) -> int:
    """The attempt, or the first of its broadcast. A wait or a hold comes after all offers of the broadcast."""
    return event.broadcast.first if event.broadcast else event.attempt


def is_end(rank_: Rank) -> bool:
    """Whether this is the rank of an end of the need."""
    return rank_[0] == 1
