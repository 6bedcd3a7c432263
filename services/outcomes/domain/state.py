"""Where a need stands, whatever the order in which its events are read.

Intake, matching and notification write to topics that have no common order. So the state is a join: every event is a
`Noted` with a rank, and the state keeps the steps by which the rank has risen in time. Adding an event is commutative,
associative and idempotent, hence every interleaving and every repetition leads to the same state.

    received < accepted < already served < waiting(0) < matched(1) < offered < acknowledged < taken up
             < appointed, no-show < in progress < declined, expired, revoked < on hold(1) < waiting(1) < matched(2) < …
             < withdrawn < unmet < not delivered, partly delivered, delivered

Within one state: as it was reached < overdue < escalated < the same after the next turn (a check-in, an appointment
moved). Appointed and no-show follow each other by turns. Offers that were made at once rank as one attempt, the first
of them: matched as soon as one is, taken up as soon as one is; and the end of one is no step of the need's while others
are open (`notes` gives it no state). Any end of the need ranks above all that is open, and above a withdrawal that came
too late to be the end.

What brings no state but is told all the same (`telling.REMARKS`) is joined beside the steps: the latest of each
attempt. It counts as long as the need stands where it stood when it was said.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from contracts.outcomes import Noted, NotTold, StatusChanged
from contracts.words import ALREADY_SERVED, Category, DeadlineKind, Lifecycle, Urgency

from .status import REMARKS

_PHASES = (
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
"""Within one attempt; accepted and the first waiting are of attempt 0."""

_ENDS = (
    Lifecycle.REJECTED,
    Lifecycle.WITHDRAWN,
    Lifecycle.UNMET,
    Lifecycle.NOT_DELIVERED,
    Lifecycle.PARTLY_DELIVERED,
    Lifecycle.DELIVERED,
)

_BY_TURNS = {Lifecycle.NO_SHOW: Lifecycle.APPOINTED}

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
"""What a provider can only have said after it had decided, or by which it did."""

Rank = tuple[int, ...]


def rank(state: Lifecycle, attempt: int, turn: int = 0, late: int = 0, code: str | None = None) -> Rank:
    """Where a state stands in the order above. A total order, so that there is always one highest.

    A withdrawal is one, whoever says it: the agency (of no attempt), or the person to a provider (of some attempt). Of
    the codes only `ALREADY_SERVED` counts: a need that is held back begins to wait for a place only afterwards.
    """
    if state.ended:
        return (1, _ENDS.index(state), 0 if state is Lifecycle.WITHDRAWN else attempt, turn, late)
    phase = Lifecycle.ACCEPTED if state is Lifecycle.WAITING and code == ALREADY_SERVED else _BY_TURNS.get(state, state)
    return (0, attempt, _PHASES.index(phase), turn, _PHASES.index(state), late)


def rank_of(said: Noted | StatusChanged) -> Rank | None:
    """The rank of what is noted or told; None where it brings no state."""
    if said.state is None:
        return None
    late = 0 if said.overdue is None else 1 + 2 * (said.overdue is DeadlineKind.DECIDE) + said.escalated
    return rank(said.state, round_of(said), said.turn, late, said.code)


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
        return self.rank[0] == 1


@dataclass(frozen=True, slots=True)
class Described:
    """What is asked for and where, as of one revision of the need."""

    revision: int
    at: datetime
    requested_at: datetime
    category: Category
    area: str
    urgency: Urgency | None


@dataclass(frozen=True, slots=True)
class NeedTimeline:
    """One need. `steps` rise in time and in rank; `described` is by revision; `remarks` are the latest by attempt.

    `told` is the highest rank that went to the agency, `not_told` those of which it is known that they never arrived.
    `noted` counts the events that were journaled: no part of what is known, it numbers the versions of the row.
    `attempts` is the highest attempt there was; `offered_at`, `answered_at` and `decided_at` are the first of each.
    """

    steps: tuple[Rise, ...] = ()
    described: tuple[Described, ...] = ()
    remarks: tuple[Noted, ...] = ()
    told: Rank | None = None
    not_told: frozenset[Rank] = frozenset()
    attempts: int = 0
    offered_at: datetime | None = None
    answered_at: datetime | None = None
    decided_at: datetime | None = None
    noted: int = field(default=0, compare=False)

    @property
    def top(self) -> Rise | None:
        """Where the need stands now."""
        return self.steps[-1] if self.steps else None

    @property
    def remark(self) -> Noted | None:
        """The latest that was said of the need since it stands where it stands; of attempt 0 is what is of the need."""
        top = self.top
        if top is None:
            return None
        said = [
            each
            for each in self.remarks
            if each.attempt in (0, top.noted.attempt)
            and each.at >= top.at
            and top.noted.state in REMARKS[each.what].within
        ]
        return max(said, key=_by_time, default=None)

    @property
    def end_told(self) -> bool:
        """True when the need has ended, its agency was told, and nothing is known to have been lost on the way."""
        top = self.top
        return top is not None and top.ended and self.told == top.rank and top.rank not in self.not_told

    def join(self, noted: Noted) -> "NeedTimeline":
        """The state with one event more, or the same state where it adds nothing."""
        its = rank_of(noted)
        return replace(
            self,
            steps=self.steps if its is None else _rising(self.steps, Rise(its, noted)),
            described=_by_revision((*self.described, *_description(noted))),
            remarks=_latest((*self.remarks, noted)) if its is None and noted.what in REMARKS else self.remarks,
            attempts=max(self.attempts, noted.attempt),
            offered_at=_earliest(self.offered_at, noted, frozenset({Lifecycle.OFFERED})),
            answered_at=_earliest(self.answered_at, noted, _DECISIONS | {Lifecycle.ACKNOWLEDGED}),
            decided_at=_earliest(self.decided_at, noted, _DECISIONS),
        )

    def tell(self, status: StatusChanged) -> "NeedTimeline":
        """The state when this has gone to the agency."""
        new = rank_of(status)
        return self if new is None or (self.told is not None and self.told >= new) else replace(self, told=new)

    def lose(self, lost: NotTold) -> "NeedTimeline":
        """The state when this is known not to have arrived."""
        return replace(self, not_told=self.not_told | {rank(lost.state, lost.attempt)})


def round_of(noted: Noted | StatusChanged) -> int:
    """The attempt, or the first of those made at once with it. A wait or a hold comes after them all."""
    return noted.broadcast.first if noted.broadcast else noted.attempt


def _rising(steps: tuple[Rise, ...], new: Rise) -> tuple[Rise, ...]:
    """Only those steps that were a rise when they happened."""
    if any(_outdoes(step, new) for step in steps):
        return steps
    return tuple(sorted((*(step for step in steps if not _outdoes(new, step)), new), key=lambda step: step.at))


def _outdoes(one: Rise, other: Rise) -> bool:
    """No later and no lower. A partial order, so that what nothing outdoes is the same in whatever order it came."""
    if (one.at, one.rank) == (other.at, other.rank):
        return one.noted.model_dump_json() <= other.noted.model_dump_json()
    return one.at <= other.at and one.rank >= other.rank


def _earliest(known: datetime | None, noted: Noted, states: frozenset[Lifecycle]) -> datetime | None:
    if noted.state not in states or (known is not None and known <= noted.at):
        return known
    return noted.at


def _latest(remarks: Iterable[Noted]) -> tuple[Noted, ...]:
    kept: dict[int, Noted] = {}
    for each in sorted(remarks, key=_by_time):
        kept[each.attempt] = each
    return tuple(kept[attempt] for attempt in sorted(kept))


def _by_time(noted: Noted) -> tuple[datetime, str]:
    """Orders remarks by time; at the same moment by all that they say."""
    return (noted.at, noted.model_dump_json())


def _description(noted: Noted) -> tuple[Described, ...]:
    if noted.category is None or noted.area is None or noted.requested_at is None:
        return ()
    return (Described(noted.revision, noted.at, noted.requested_at, noted.category, noted.area, noted.urgency),)


def _by_revision(described: Iterable[Described]) -> tuple[Described, ...]:
    kept: dict[int, Described] = {}
    for each in sorted(described, key=lambda each: (each.revision, each.at, repr(each))):
        kept.setdefault(each.revision, each)
    return tuple(kept.values())
