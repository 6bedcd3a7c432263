"""Where one need stands in matching, as the fold of its facts. The stream is the need's id."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from functools import reduce
from typing import NamedTuple

from contracts import matching
from contracts.base import Message
from contracts.intake import NeedRegistered
from contracts.words import HeldBack, Urgency
from services.chassis.decider import Effect, Emit

from ..capacity.places import row_id
from ..directory.directory import service_id
from ..eligibility.rules import asks_agency
from ..waitlist.queue import Waiter, options_of


class Phase(Enum):
    """`OPEN` is left within the decision that enters it: for a match, the waiting list, a hold, or the end."""

    OPEN = "open"
    MATCHED = "matched"
    WAITING = "waiting"
    HELD = "held"
    ENDED = "ended"


class NeedState(NamedTuple):
    """`accepted` is intake's latest word. `since` and `until` are those of the first wait; later waits keep them.

    `attempt` is the number of the last match, `matches` are those that hold (several, where the need was offered to
    several services at once and none has accepted yet), `tried` the attempts that failed, `turn` the number of waits so
    far. `options` is how many services could have taken the need when this wait began, had they a place; `timed` is the
    urgency by which the end of its patience was timed, `alerted` says that an operator was told of that end. An attempt
    that failed for what the agency has corrected since has no version: no entry is ruled out by it. `hard_to_place` is
    that of `matching.NeedKept`, `used` what of its places does not come back yet though it has ended. The stream of an
    entry that lapses knows no more than that it has ended: it was told.
    """

    phase: Phase = Phase.OPEN
    accepted: NeedRegistered | None = None
    attempt: int = 0
    matches: tuple[matching.Matched, ...] = ()
    tried: tuple[matching.AttemptEnded, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    turn: int = 0
    options: int | None = None
    timed: Urgency | None = None
    alerted: bool = False
    hard_to_place: bool = False
    used: matching.PlaceUsed | None = None

    @property
    def match(self) -> matching.Matched | None:
        """The match that holds; of several, the latest."""
        return self.matches[-1] if self.matches else None

    def holds(self, attempt: int) -> matching.Matched | None:
        """The match of that attempt, if it still holds."""
        return next((each for each in self.matches if each.attempt == attempt), None)

    @property
    def told_served(self) -> bool:
        """Its agency has been told why it waits: until intake says more, and to no end of its own."""
        return self.accepted is not None and self.accepted.held_back is HeldBack.TOLD

    @property
    def rounds(self) -> int:
        """How many rounds of offers had failures. Offers made at once are one round."""
        return len({round_of(each) for each in self.tried})

    @property
    def asks(self) -> matching.AttemptEnded | None:
        """Of the last round, the attempt that failed for want of what the agency has not added yet."""
        last = [each for each in self.tried if round_of(each) == round_of(self.tried[-1])]
        return next((each for each in last if asks_agency(each) and each.version), None)

    def waiter(self, now: datetime) -> Waiter:
        """The need as the waiting list sees it; one that has not waited yet would wait from `now` on."""
        assert self.accepted is not None, "only a need that intake has accepted is ranked"  # noqa: S101
        return Waiter(self.accepted, self.tried, self.since or now, self.turn, self.options)


def service_of(match: matching.Matched) -> str:
    """The service of a match, by its id among all providers."""
    return service_id(match.provider, match.service)


def round_of(ended: matching.AttemptEnded) -> int:
    """The first attempt of those that were made at once."""
    return ended.round or ended.attempt


def rows_of(match: matching.Matched) -> list[str]:
    """The place rows that a match holds: one, or one for each who is served together."""
    return [row_id(service_of(match), slot) for slot in match.slots or [match.slot]]


def evolve(state: NeedState, fact: Message) -> NeedState:
    """The state after a fact. What concerns rows or other needs only changes nothing."""
    match fact:
        case matching.NeedKept():
            counted = state.options if fact.accepted == state.accepted else None
            tried = tuple(map(_corrected, state.tried))
            kept = state._replace(
                accepted=fact.accepted, tried=tried, options=counted, hard_to_place=fact.hard_to_place
            )
            if state.told_served and not kept.told_served:  # only now does it begin to wait for a place
                return kept._replace(since=None, until=None, timed=None)
            return kept
        case matching.Matched():
            matches = (*state.matches, fact)
            return state._replace(phase=Phase.MATCHED, matches=matches, attempt=fact.attempt, options=None)
        case matching.Waiting():
            turn, options = state.turn + 1, options_of(fact.funnel)
            return state._replace(
                phase=Phase.WAITING,
                since=fact.since,
                until=fact.until,
                turn=turn,
                options=options,
                timed=state.accepted.urgency if state.accepted else None,
            )
        case matching.PatienceOver():
            return state._replace(alerted=True)
        case matching.OnHold():
            return state._replace(phase=Phase.HELD, since=fact.since, until=fact.until, options=None)
        case matching.PlaceUsed():
            return state._replace(used=fact)
        case matching.AttemptEnded():
            return _without(state, fact.attempt)._replace(tried=(*state.tried, fact))
        case matching.MatchRevoked():
            return _without(state, fact.attempt)
        case matching.Unmet() | matching.NeedEnded() | matching.Closed() | matching.LapseTold():
            return state._replace(phase=Phase.ENDED, matches=())
        case _:
            return state


def folded(state: NeedState, effects: Iterable[Effect]) -> NeedState:
    """The state after the facts among these effects."""
    return reduce(evolve, (each.event for each in effects if isinstance(each, Emit)), state)


def _without(state: NeedState, attempt: int) -> NeedState:
    left = tuple(each for each in state.matches if each.attempt != attempt)
    return state._replace(phase=Phase.MATCHED if left else Phase.OPEN, matches=left)


def _corrected(ended: matching.AttemptEnded) -> matching.AttemptEnded:
    return ended.model_copy(update={"version": ""}) if asks_agency(ended) else ended
