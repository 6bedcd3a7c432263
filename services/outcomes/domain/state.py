"""What is known about a need, whatever the order in which its events are read.

Intake, matching and notification write to topics without a common order. So the state is a join: every event is a
`Noted` with a rank (see `rank`), and the state keeps the rises in rank, by time. Adding an event is commutative,
associative and idempotent, so every interleaving and every repetition leads to the same state.

An event that brings no state but is reported all the same is a sub-status (`status.SUB_STATUSES`), such as a reminder.
The latest of each attempt is kept beside the rises. It counts as long as the need is in the state it was in then. The
end of one offer of a broadcast brings no state while others are open (`normalise` gives it none).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from contracts.outcomes import Noted, StatusChanged, StatusUndelivered
from contracts.words import Category, Lifecycle, Urgency

from .rank import Rank, is_end, rank, rank_of
from .status import SUB_STATUSES

_DECISIONS = frozenset(
    {
        Lifecycle.DECLINED,
        Lifecycle.ACCEPTED_BY_PROVIDER,
        Lifecycle.APPOINTED,
        Lifecycle.NO_SHOW,
        Lifecycle.IN_PROGRESS,
        Lifecycle.NOT_DELIVERED,
        Lifecycle.PARTLY_DELIVERED,
        Lifecycle.DELIVERED,
    }
)
"""The states that show that a provider has decided."""


@dataclass(frozen=True, slots=True)
class Rise:
    """A rise in rank, and the event that brought it."""

    rank: Rank
    noted: Noted

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.noted.at

    @property
    def ended(self) -> bool:
        """True for an end of the need."""
        return is_end(self.rank)


@dataclass(frozen=True, slots=True)
class Description:
    """What is needed and where, as of one revision of the need."""

    revision: int
    at: datetime
    requested_at: datetime
    category: Category
    area: str
    urgency: Urgency | None


@dataclass(frozen=True, slots=True)
class NeedTimeline:
    """One need. `rises` are by time and rank; `descriptions` by revision; `sub_statuses` are the latest by attempt.

    `reported` is the highest rank that was sent to the agency; `undelivered` are the ranks known not to have arrived.
    `attempts` is the highest attempt so far; `offered_at`, `answered_at` and `decided_at` are the first of each.
    `events` counts the events that were journaled: it numbers the versions of the row, and is no part of what is known.
    """

    rises: tuple[Rise, ...] = ()
    descriptions: tuple[Description, ...] = ()
    sub_statuses: tuple[Noted, ...] = ()
    reported: Rank | None = None
    undelivered: frozenset[Rank] = frozenset()
    attempts: int = 0
    offered_at: datetime | None = None
    answered_at: datetime | None = None
    decided_at: datetime | None = None
    events: int = field(default=0, compare=False)

    @property
    def top(self) -> Rise | None:
        """The present state of the need; None if nothing is known yet."""
        return self.rises[-1] if self.rises else None

    @property
    def sub_status(self) -> Noted | None:
        """The latest sub-status since the need has been in its state. One of attempt 0 is about the whole need."""
        top = self.top
        if top is None:
            return None
        current = [
            each
            for each in self.sub_statuses
            if each.attempt in (0, top.noted.attempt)
            and each.at >= top.at
            and top.noted.state in SUB_STATUSES[each.what].within
        ]
        return max(current, key=_by_time, default=None)

    @property
    def end_reported(self) -> bool:
        """True if the need has ended, its agency was sent that status, and nothing is known to have been lost."""
        top = self.top
        return top is not None and top.ended and self.reported == top.rank and top.rank not in self.undelivered

    def join(self, noted: Noted) -> "NeedTimeline":
        """The state with one more event, or the same state if the event adds nothing."""
        its_rank = rank_of(noted)
        is_sub_status = its_rank is None and noted.what in SUB_STATUSES
        return replace(
            self,
            rises=self.rises if its_rank is None else _with_rise(self.rises, Rise(its_rank, noted)),
            descriptions=_by_revision((*self.descriptions, *_description(noted))),
            sub_statuses=_latest_by_attempt((*self.sub_statuses, noted)) if is_sub_status else self.sub_statuses,
            attempts=max(self.attempts, noted.attempt),
            offered_at=_earliest(self.offered_at, noted, frozenset({Lifecycle.OFFERED})),
            answered_at=_earliest(self.answered_at, noted, _DECISIONS | {Lifecycle.ACKNOWLEDGED}),
            decided_at=_earliest(self.decided_at, noted, _DECISIONS),
        )

    def with_status(self, status: StatusChanged) -> "NeedTimeline":
        """The state after this status was sent to the agency."""
        new = rank_of(status)
        is_higher = new is not None and (self.reported is None or new > self.reported)
        return replace(self, reported=new) if is_higher else self

    def without_status(self, lost: StatusUndelivered) -> "NeedTimeline":
        """The state after this status is known not to have arrived."""
        return replace(self, undelivered=self.undelivered | {rank(lost.state, lost.attempt)})


def _with_rise(rises: tuple[Rise, ...], new: Rise) -> tuple[Rise, ...]:
    """With the new one, only those that were a rise when they happened, by time."""
    if any(_supersedes(rise, new) for rise in rises):
        return rises
    return tuple(sorted((*(rise for rise in rises if not _supersedes(new, rise)), new), key=lambda rise: rise.at))


def _supersedes(one: Rise, other: Rise) -> bool:
    """Whether `one` is no later and no lower: then `other` was no rise.

    A partial order, so that the rises which nothing supersedes are the same in any order of reading.
    """
    if (one.at, one.rank) == (other.at, other.rank):
        return one.noted.model_dump_json() <= other.noted.model_dump_json()
    return one.at <= other.at and one.rank >= other.rank


def _earliest(known: datetime | None, noted: Noted, states: frozenset[Lifecycle]) -> datetime | None:
    """The earliest time at which one of these states was reached."""
    if noted.state not in states or (known is not None and known <= noted.at):
        return known
    return noted.at


def _latest_by_attempt(sub_statuses: Iterable[Noted]) -> tuple[Noted, ...]:
    latest = {each.attempt: each for each in sorted(sub_statuses, key=_by_time)}
    return tuple(latest[attempt] for attempt in sorted(latest))


def _by_time(noted: Noted) -> tuple[datetime, str]:
    """A sort key: by time, and at the same moment by content, so that the order is total."""
    return (noted.at, noted.model_dump_json())


def _description(noted: Noted) -> tuple[Description, ...]:
    if noted.category is None or noted.area is None or noted.requested_at is None:
        return ()
    return (Description(noted.revision, noted.at, noted.requested_at, noted.category, noted.area, noted.urgency),)


def _by_revision(descriptions: Iterable[Description]) -> tuple[Description, ...]:
    """The earliest description of each revision, by revision."""
    first: dict[int, Description] = {}
    for each in sorted(descriptions, key=lambda each: (each.revision, each.at, repr(each))):
        first.setdefault(each.revision, each)
    return tuple(first.values())
