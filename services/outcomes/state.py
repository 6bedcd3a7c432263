"""Where a need stands, whatever the order in which its events are read.

Intake, matching and notification write to topics that have no common order. So the state is a join: every event is a
`Noted` with a rank, and the state keeps the steps by which the rank has risen in time. Adding an event is commutative,
associative and idempotent, hence every interleaving and every repetition leads to the same state.

    received < accepted < waiting(0) < matched(1) < offered < acknowledged < taken up < appointed, no-show
             < in progress < declined, expired, revoked < waiting(1) < matched(2) < …
             < withdrawn < unmet < not delivered, partly delivered, delivered

Within one state: as it was reached < overdue < escalated < the same after the next turn (a check-in, an appointment
moved). Appointed and no-show follow each other by turns. Any end of the need ranks above all that is open, and above
a withdrawal that came too late to be the end.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

from contracts.outcomes import Noted, StatusChanged
from contracts.words import Category, Clock, Lifecycle

_PHASES = (
    Lifecycle.RECEIVED,
    Lifecycle.ACCEPTED,
    Lifecycle.MATCHED,
    Lifecycle.OFFERED,
    Lifecycle.ACKNOWLEDGED,
    Lifecycle.TAKEN_UP,
    Lifecycle.APPOINTED,
    Lifecycle.NO_SHOW,
    Lifecycle.IN_PROGRESS,
    Lifecycle.DECLINED,
    Lifecycle.EXPIRED,
    Lifecycle.REVOKED,
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

Rank = tuple[int, ...]


def rank(state: Lifecycle, attempt: int, turn: int = 0, late: int = 0) -> Rank:
    """Where a state stands in the order above. A total order, so that there is always one highest."""
    if state.ended:
        return (1, _ENDS.index(state), attempt, turn, late)
    stage = _PHASES.index(_BY_TURNS.get(state, state))
    return (0, attempt, stage, turn, _PHASES.index(state), late)


def rank_of(said: Noted | StatusChanged) -> Rank | None:
    """The rank of what is noted or told; None where it brings no state."""
    if said.state is None:
        return None
    late = 0 if said.overdue is None else 1 + 2 * (said.overdue is Clock.DECIDE) + said.escalated
    return rank(said.state, said.attempt, said.turn, late)


@dataclass(frozen=True, slots=True)
class Step:
    """A rise in rank, and the event that brought it."""

    rank: Rank
    noted: Noted

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.noted.at


@dataclass(frozen=True, slots=True)
class Described:
    """What is asked for and where, as of one revision of the need."""

    revision: int
    at: datetime
    requested_at: datetime
    category: Category
    area: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One need. `steps` rise in time and in rank; `described` is by revision."""

    steps: tuple[Step, ...] = ()
    described: tuple[Described, ...] = ()

    @property
    def top(self) -> Step | None:
        """Where the need stands now."""
        return self.steps[-1] if self.steps else None

    def join(self, noted: Noted) -> "Standing":
        """The state with one event more, or the same state where it adds nothing."""
        its = rank_of(noted)
        return Standing(
            self.steps if its is None else _rising(self.steps, Step(its, noted)),
            _by_revision((*self.described, *_description(noted))),
        )


def _rising(steps: tuple[Step, ...], new: Step) -> tuple[Step, ...]:
    """Only those steps that were a rise when they happened."""
    if any(_outdoes(step, new) for step in steps):
        return steps
    return tuple(sorted((*(step for step in steps if not _outdoes(new, step)), new), key=lambda step: step.at))


def _outdoes(one: Step, other: Step) -> bool:
    """No later and no lower. A partial order, so that what nothing outdoes is the same in whatever order it came."""
    if (one.at, one.rank) == (other.at, other.rank):
        return one.noted.model_dump_json() <= other.noted.model_dump_json()
    return one.at <= other.at and one.rank >= other.rank


def _description(noted: Noted) -> tuple[Described, ...]:
    if noted.category is None or noted.area is None or noted.requested_at is None:
        return ()
    return (Described(noted.revision, noted.at, noted.requested_at, noted.category, noted.area),)


def _by_revision(described: Iterable[Described]) -> tuple[Described, ...]:
    kept: dict[int, Described] = {}
    for each in sorted(described, key=astuple):
        kept.setdefault(each.revision, each)
    return tuple(kept.values())
