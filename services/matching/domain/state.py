"""The life of one need in matching, folded from its facts. The stream is the need's id.

    unknown ── intake publishes it ──▶ open ──▶ matched ──▶ ended
                                        ▲ │        │
                                        │ ├──▶ waiting, held
                                        └─┴────────┘

An `OpenNeed` lasts no longer than the decision that leads to it: a match, a wait, a hold or the end follows at once.
"""

from collections.abc import Iterable
from datetime import datetime
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


class WaitPeriod(NamedTuple):
    """When a need began to wait, and until when it waits at most; later waits of the need keep both.

    `timed_for` is the urgency for which the end of its patience was timed; None: not timed yet.
    """

    since: datetime
    until: datetime
    timed_for: Urgency | None = None


class NeedRecord(NamedTuple):
    """What is known of a need in every phase.

    `accepted` is the need as intake last published it, and `hard_to_place` that of `matching.NeedKept`. `attempt` is
    the number of the last match, `tried` are the attempts that failed. An attempt that failed for something that the
    agency has corrected since has no version: it rules out no entry. `wait_number` counts the waits so far. `alerted`:
    an operator was notified that its patience is over.
    """

    accepted: NeedRegistered
    hard_to_place: bool = False
    attempt: int = 0
    tried: tuple[matching.AttemptEnded, ...] = ()
    wait_number: int = 0
    alerted: bool = False

    @property
    def already_served(self) -> bool:
        """Whether the person is served under another referral and the agency was notified.

        Such a need waits until intake publishes it again; its wait has no end of its own.
        """
        return self.accepted.held_back is HeldBack.AGENCY_KNOWS

    @property
    def rounds(self) -> int:
        """How many rounds of offers had failures. Offers made at once are one round."""
        return len({round_of(each) for each in self.tried})

    @property
    def asks(self) -> matching.AttemptEnded | None:
        """The attempt of the last round that failed for want of something that the agency has not added yet."""
        last = [each for each in self.tried if round_of(each) == round_of(self.tried[-1])]
        return next((each for each in last if asks_agency(each) and each.version), None)


class UnknownNeed(NamedTuple):
    """Intake has not published the need."""


class OpenNeed(NamedTuple):
    """It has no match. `last_wait` is its wait so far; None: it has not waited."""

    record: NeedRecord
    last_wait: WaitPeriod | None = None


class MatchedNeed(NamedTuple):
    """`matches` hold: one, or several where it was offered to several services at once and none has accepted yet."""

    record: NeedRecord
    matches: tuple[matching.Matched, ...]
    last_wait: WaitPeriod | None = None


class WaitingNeed(NamedTuple):
    """It is on the waiting list. `options` services could have taken it when this wait began; None: not counted."""

    record: NeedRecord
    wait: WaitPeriod
    options: int | None = None

    @property
    def last_wait(self) -> WaitPeriod:
        """The wait that it is in."""
        return self.wait


class HeldNeed(NamedTuple):
    """It is on hold for what the agency has to add, until its wait ends."""

    record: NeedRecord
    wait: WaitPeriod

    @property
    def last_wait(self) -> WaitPeriod:
        """The wait that it is in."""
        return self.wait


class EndedNeed(NamedTuple):
    """It has ended; `used` are places that do not return yet all the same."""

    record: NeedRecord
    used: matching.PlaceUsed | None = None


class ExpiryHandled(NamedTuple):
    """The stream of an expiring directory entry, not of a need: the entry's provider was notified."""


UnplacedNeed = OpenNeed | WaitingNeed | HeldNeed
"""A need that has no match, and may get one."""
LiveNeed = UnplacedNeed | MatchedNeed
"""A need that has not ended."""
KnownNeed = LiveNeed | EndedNeed
NeedState = UnknownNeed | KnownNeed | ExpiryHandled


def matches_of(state: NeedState) -> tuple[matching.Matched, ...]:
    """The matches that hold."""
    return state.matches if isinstance(state, MatchedNeed) else ()


def match_of(state: NeedState, attempt: int) -> matching.Matched | None:
    """The match of that attempt, if it still holds."""
    return next((each for each in matches_of(state) if each.attempt == attempt), None)


def waiter_of(state: LiveNeed, now: datetime) -> Waiter:
    """The need as the waiting list ranks it; one that has not waited yet would wait from `now` on."""
    record, since = state.record, state.last_wait.since if state.last_wait else now
    options = state.options if isinstance(state, WaitingNeed) else None
    return Waiter(record.accepted, record.tried, since, record.wait_number, options)


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
    match state, fact:
        case UnknownNeed(), matching.NeedKept():
            return OpenNeed(NeedRecord(fact.accepted, fact.hard_to_place))
        case UnknownNeed(), matching.ExpiryNotified():
            return ExpiryHandled()
        case EndedNeed(), matching.PlaceUsed():
            return state._replace(used=fact)
        case ((OpenNeed() | MatchedNeed() | WaitingNeed() | HeldNeed()), _):
            return _changed(state, fact)
        case _:
            return state


def folded(state: NeedState, effects: Iterable[Effect]) -> NeedState:
    """The state after the facts among these effects."""
    return reduce(evolve, (each.event for each in effects if isinstance(each, Emit)), state)


def _changed(state: LiveNeed, fact: Message) -> NeedState:
    record = state.record
    match fact:
        case matching.NeedKept():
            return kept(state, fact)
        case matching.Matched():
            return MatchedNeed(record._replace(attempt=fact.attempt), (*matches_of(state), fact), state.last_wait)
        case matching.AttemptEnded():
            return _without_match(state, fact.attempt, record._replace(tried=(*record.tried, fact)))
        case matching.MatchRevoked():
            return _without_match(state, fact.attempt, record)
        case matching.Waiting():
            return put_on_list(state, fact)
        case matching.PatienceOver():
            return state._replace(record=record._replace(alerted=True))
        case matching.OnHold():
            return HeldNeed(record, WaitPeriod(fact.since, fact.until, state.last_wait and state.last_wait.timed_for))
        case matching.Unmet() | matching.NeedEnded() | matching.Closed():
            return EndedNeed(record)
        case _:
            return state


def put_on_list(state: LiveNeed, fact: matching.Waiting) -> WaitingNeed:
    """The need once it waits."""
    record, wait = state.record, WaitPeriod(fact.since, fact.until, state.record.accepted.urgency)
    return WaitingNeed(record._replace(wait_number=record.wait_number + 1), wait, options_of(fact.funnel))


def kept(state: LiveNeed, fact: matching.NeedKept) -> LiveNeed:
    """The need as intake has published it again. Once nobody serves the person elsewhere, its wait starts again."""
    old = state.record
    tried = tuple(map(_corrected, old.tried))
    record = old._replace(accepted=fact.accepted, tried=tried, hard_to_place=fact.hard_to_place)
    resumes = old.already_served and not record.already_served
    match state:
        case MatchedNeed():
            return state._replace(record=record, last_wait=None if resumes else state.last_wait)
        case _ if resumes:
            return OpenNeed(record)
        case WaitingNeed() if record.accepted != old.accepted:
            return state._replace(record=record, options=None)
        case _:
            return state._replace(record=record)


def _corrected(ended: matching.AttemptEnded) -> matching.AttemptEnded:
    return ended.model_copy(update={"version": ""}) if asks_agency(ended) else ended


def _without_match(state: LiveNeed, attempt: int, record: NeedRecord) -> LiveNeed:
    matches = tuple(each for each in matches_of(state) if each.attempt != attempt)
    return MatchedNeed(record, matches, state.last_wait) if matches else OpenNeed(record, state.last_wait)
