"""Where one need stands in matching, as the fold of its facts. The stream is the need's id."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from contracts import matching
from contracts.base import Message
from contracts.intake import Accepted
from contracts.words import HeldBack

from .directory import service_id
from .places import row_id
from .waiting import Waiter


class Phase(Enum):
    """`OPEN` is left within the decision that enters it: for a match, for the waiting list, or for the end."""

    OPEN = "open"
    MATCHED = "matched"
    WAITING = "waiting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Need:
    """`accepted` is intake's latest word. `since` and `until` are those of the first wait; later waits keep them.

    `attempt` is the number of the last match, `match` that match while it holds, `tried` the attempts that failed,
    `turn` the number of waits so far.
    """

    phase: Phase = Phase.OPEN
    accepted: Accepted | None = None
    attempt: int = 0
    match: matching.Matched | None = None
    tried: tuple[matching.AttemptEnded, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    turn: int = 0

    @property
    def service(self) -> str | None:
        """The service matched, by its id among all providers."""
        return service_id(self.match.provider, self.match.service) if self.match else None

    def waiter(self, now: datetime) -> Waiter:
        """The need as the waiting list sees it; one that has not waited yet would wait from `now` on."""
        assert self.accepted is not None, "only a need that intake has accepted is ranked"  # noqa: S101
        return Waiter(self.accepted, self.tried, self.since or now, self.turn)


def row_of(match: matching.Matched) -> str:
    """The place row that a match holds."""
    return row_id(service_id(match.provider, match.service), match.slot)


def evolve(state: Need, fact: Message) -> Need:
    """The state after a fact. What concerns rows or other needs only changes nothing."""
    match fact:
        case matching.NeedKept():
            was, now = state.accepted and state.accepted.held_back, fact.accepted.held_back
            if was is HeldBack.TOLD and now is not HeldBack.TOLD:  # only now does it begin to wait for a place
                return replace(state, accepted=fact.accepted, since=None, until=None)
            return replace(state, accepted=fact.accepted)
        case matching.Matched():
            return replace(state, phase=Phase.MATCHED, match=fact, attempt=fact.attempt)
        case matching.Waiting():
            return replace(state, phase=Phase.WAITING, since=fact.since, until=fact.until, turn=state.turn + 1)
        case matching.AttemptEnded():
            return replace(state, phase=Phase.OPEN, match=None, tried=(*state.tried, fact))
        case matching.MatchRevoked():
            return replace(state, phase=Phase.OPEN, match=None)
        case matching.Unmet() | matching.NeedEnded():
            return replace(state, phase=Phase.ENDED, match=None)
        case _:
            return state
