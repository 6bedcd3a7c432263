"""The state of one need in matching, folded from its facts. The stream is the need's id."""

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
    """`OPEN` lasts no longer than the decision that enters it: a match, a wait, a hold or the end follows at once."""

    OPEN = "open"
    MATCHED = "matched"
    WAITING = "waiting"
    HELD = "held"
    ENDED = "ended"


class WaitPeriod(NamedTuple):
    """When a need began to wait, and until when it waits at most; later waits of the need keep both.

    `timed_for` is the urgency for which the end of its patience was timed; None: not timed yet.
    """

    since: datetime
    until: datetime
    timed_for: Urgency | None = None


class NeedState(NamedTuple):
    """`accepted` is the need as intake last published it; None: not published yet.

    `attempt` is the number of the last match, `matches` are those that hold (several, where the need was offered to
    several services at once and none has accepted yet), `tried` the attempts that failed. An attempt that failed for
    something that the agency has corrected since has no version: it rules out no entry. `wait_number` counts the waits
    so far, and `options` is the number of services that could have taken the need when the current wait began.
    `alerted`: an operator was notified that its patience is over. `hard_to_place` is that of `matching.NeedKept`, and
    `used` are places that do not return yet although the need has ended.

    The stream of an expiring directory entry only ever gets to `ENDED`: its provider was notified.
    """

    phase: Phase = Phase.OPEN
    accepted: NeedRegistered | None = None
    attempt: int = 0
    matches: tuple[matching.Matched, ...] = ()
    tried: tuple[matching.AttemptEnded, ...] = ()
    wait: WaitPeriod | None = None
    wait_number: int = 0
    options: int | None = None
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
    def already_served(self) -> bool:
        """Whether the person is served under another referral and the agency was notified.

        Such a need waits until intake publishes it again; its wait has no end of its own.
        """
        return self.accepted is not None and self.accepted.held_back is HeldBack.AGENCY_KNOWS

    @property
    def rounds(self) -> int:
        """How many rounds of offers had failures. Offers made at once are one round."""
        return len({round_of(each) for each in self.tried})

    @property
    def asks(self) -> matching.AttemptEnded | None:
        """The attempt of the last round that failed for want of something that the agency has not added yet."""
        last = [each for each in self.tried if round_of(each) == round_of(self.tried[-1])]
        return next((each for each in last if asks_agency(each) and each.version), None)

    def waiter(self, now: datetime) -> Waiter:
        """The need as the waiting list ranks it; one that has not waited yet would wait from `now` on.

        Raises `ValueError` for a need that intake has not published.
        """
        if self.accepted is None:
            raise ValueError("this need is unknown: it cannot be ranked before intake has published it")
        return Waiter(self.accepted, self.tried, self.wait.since if self.wait else now, self.wait_number, self.options)


def service_of(match: matching.Matched) -> str:
    """The service of a match, by its id among all providers."""
    return service_id(match.provider, match.service)


def round_of(ended: matching.AttemptEnded) -> int:
    """The number of the first attempt among those that were made at once."""
    return ended.round or ended.attempt


def rows_of(match: matching.Matched) -> list[str]:
    """The place rows that a match holds: one, or one for each person who is served together."""
    return [row_id(service_of(match), slot) for slot in match.slots or [match.slot]]


def evolve(state: NeedState, fact: Message) -> NeedState:
    """The state after a fact. Facts about rows or about other needs change nothing."""
    match fact:
        case matching.NeedKept():
            return _kept(state, fact)
        case matching.Matched():
            matches = (*state.matches, fact)
            return state._replace(phase=Phase.MATCHED, matches=matches, attempt=fact.attempt, options=None)
        case matching.Waiting():
            wait = WaitPeriod(fact.since, fact.until, state.accepted.urgency if state.accepted else None)
            number, options = state.wait_number + 1, options_of(fact.funnel)
            return state._replace(phase=Phase.WAITING, wait=wait, wait_number=number, options=options)
        case matching.PatienceOver():
            return state._replace(alerted=True)
        case matching.OnHold():
            wait = WaitPeriod(fact.since, fact.until, state.wait.timed_for if state.wait else None)
            return state._replace(phase=Phase.HELD, wait=wait, options=None)
        case matching.PlaceUsed():
            return state._replace(used=fact)
        case matching.AttemptEnded():
            return _without_match(state, fact.attempt)._replace(tried=(*state.tried, fact))
        case matching.MatchRevoked():
            return _without_match(state, fact.attempt)
        case matching.Unmet() | matching.NeedEnded() | matching.Closed() | matching.ExpiryNotified():
            return state._replace(phase=Phase.ENDED, matches=())
        case _:
            return state


def folded(state: NeedState, effects: Iterable[Effect]) -> NeedState:
    """The state after the facts among these effects."""
    return reduce(evolve, (each.event for each in effects if isinstance(each, Emit)), state)


def _kept(state: NeedState, fact: matching.NeedKept) -> NeedState:
    kept = state._replace(
        accepted=fact.accepted,
        tried=tuple(map(_corrected, state.tried)),
        options=state.options if fact.accepted == state.accepted else None,
        hard_to_place=fact.hard_to_place,
    )
    begins_to_wait = state.already_served and not kept.already_served
    return kept._replace(wait=None) if begins_to_wait else kept


def _corrected(ended: matching.AttemptEnded) -> matching.AttemptEnded:
    return ended.model_copy(update={"version": ""}) if asks_agency(ended) else ended


def _without_match(state: NeedState, attempt: int) -> NeedState:
    matches = tuple(each for each in state.matches if each.attempt != attempt)
    return state._replace(phase=Phase.MATCHED if matches else Phase.OPEN, matches=matches)
