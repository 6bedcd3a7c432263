"""Where a need stands, whatever the order in which its events are read.

Intake, matching and notification write to topics that have no common order. So the state is a join: every event is a
`Noted` with a rank, and the state keeps the steps by which the rank has risen in time. Adding an event is commutative,
associative and idempotent, hence every interleaving and every repetition leads to the same state.

    received < accepted < already served < waiting(0) < matched(1) < offered < acknowledged < taken up < in progress
             < declined, expired, revoked < waiting(1) < matched(2) < …
             < withdrawn < unmet < not delivered, partly delivered, delivered

Any end of the need ranks above all that is open, and above a withdrawal that came too late to be the end.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

from contracts.outcomes import Noted
from contracts.words import ALREADY_SERVED, Category, Lifecycle

_PHASES = (
    Lifecycle.RECEIVED,
    Lifecycle.ACCEPTED,
    Lifecycle.MATCHED,
    Lifecycle.OFFERED,
    Lifecycle.ACKNOWLEDGED,
    Lifecycle.TAKEN_UP,
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

Rank = tuple[int, int, int]


def rank(state: Lifecycle, attempt: int, code: str | None = None) -> Rank:
    """Where a state stands in the order above. A total order, so that there is always one highest.

    Of the codes only `ALREADY_SERVED` counts: a need that is held back begins to wait for a place only afterwards.
    """
    if state.ended:
        return (1, _ENDS.index(state), attempt)
    if state is Lifecycle.WAITING and code == ALREADY_SERVED:
        return (0, attempt, 2 * _PHASES.index(Lifecycle.ACCEPTED) + 1)
    return (0, attempt, 2 * _PHASES.index(state))


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
        return Standing(
            self.steps
            if noted.state is None
            else _rising(self.steps, Step(rank(noted.state, noted.attempt, noted.code), noted)),
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
