"""Where a need stands, whatever the order in which its events are read.

Intake, matching and notification write to topics that have no common order. So the state is a join: every event is a
`Noted` with a rank, and the state keeps the steps by which the rank has risen in time. Adding an event is commutative,
associative and idempotent, hence every interleaving and every repetition leads to the same state.

    received < accepted < waiting(0) < matched(1) < offered < acknowledged < taken up < in progress
             < declined, expired, revoked < on hold(1) < waiting(1) < matched(2) < …
             < withdrawn < unmet < not delivered, partly delivered, delivered

Offers that were made at once rank as one attempt, the first of them: matched as soon as one is, taken up as soon as one
is; and the end of one is no step of the need's while others are open (`notes` gives it no state).

Any end of the need ranks above all that is open, and above a withdrawal that came too late to be the end.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

from contracts.outcomes import Noted
from contracts.words import Category, Lifecycle

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

Rank = tuple[int, int, int]


def rank(state: Lifecycle, attempt: int) -> Rank:
    """Where a state stands in the order above. A total order, so that there is always one highest.

    A withdrawal is one, whoever says it: the agency (of no attempt), or the person to a provider (of some attempt).
    """
    if state.ended:
        return (1, _ENDS.index(state), 0 if state is Lifecycle.WITHDRAWN else attempt)
    return (0, attempt, _PHASES.index(state))


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
            self.steps if noted.state is None else _rising(self.steps, Step(rank(noted.state, round_of(noted)), noted)),
            _by_revision((*self.described, *_description(noted))),
        )


def round_of(noted: Noted) -> int:
    """The attempt, or the first of those made at once with it. A wait or a hold comes after them all."""
    return noted.broadcast.first if noted.broadcast else noted.attempt


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
