"""Counts of needs that can be published: by category, area and state, without exposing a person.

The cohort is the needs sent within a window of whole days (UTC); open ones are shown as open. A window is published
once it has settled, as it stood at that moment, and never again otherwise: a row keeps what was true from when on, so
that counting a window anew gives the same counts, and no two publications can be subtracted from each other. What
must hold for that: the publisher runs only when the service's inputs are read up to `now`, as the ticker does.

Held back: a cell that counts from 1 to k - 1 is null, with a higher k for what exposes most. Windows do not overlap,
cells do not overlap, and there are no totals and no margins, so that nothing can be had by subtraction. A cell of
zero is not published. (Windows of another length over days already published would break this: do not change
`window_days` or `settle` where indicators have been read.)
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from contracts.outcomes import Indicator
from contracts.words import Category, Lifecycle

from .loop_closure import closure
from .state import Described, NeedTimeline, Rise

TABLE = "needs"
SENSITIVE = frozenset({Category.PROTECTION, Category.CHILD_PROTECTION, Category.GBV, Category.TRAFFICKING})
OPEN = "open"

_SHOWN = frozenset(
    {
        Lifecycle.DELIVERED,
        Lifecycle.PARTLY_DELIVERED,
        Lifecycle.NOT_DELIVERED,
        Lifecycle.UNMET,
        Lifecycle.WITHDRAWN,
        Lifecycle.WAITING,
    }
)

T = TypeVar("T", Rise, Described)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """The rules of publication. A window is published `settle` after its end."""

    window_days: int = 1
    settle: timedelta = timedelta(hours=24)
    k: int = 5
    k_sensitive: int = 10

    def threshold(self, category: Category) -> int:
        """The lowest count that is published."""
        return max(self.k, self.k_sensitive) if category in SENSITIVE else self.k

    def window(self, day: date) -> tuple[date, date]:
        """The window a day falls in: its first day, and the first day after it. Windows count from 1 January 1."""
        first = date.fromordinal(1 + (day.toordinal() - 1) // self.window_days * self.window_days)
        return first, first + timedelta(days=self.window_days)

    def as_of(self, window_end: date) -> datetime:
        """The moment whose state is published, and from which on it is."""
        return datetime.combine(window_end, time(), UTC) + self.settle


def row(state: NeedTimeline) -> dict[str, Any]:
    """One need for the indicators: when it was sent, what was true of it from when on, and how its loop was closed.

    No person in it.
    """
    history: list[dict[str, Any]] = []
    for at in sorted({step.at for step in state.steps} | {said.at for said in state.described}):
        said = _latest(state.described, at)
        if said is None:
            continue  # not accepted yet, by the clocks of two services
        step = _latest(state.steps, at)
        shown = {"category": said.category.value, "area": said.area, "state": OPEN if step is None else _shown(step)}
        if not history or any(history[-1][name] != value for name, value in shown.items()):
            history.append({"at": at.astimezone(UTC).isoformat(), **shown})
    sent_at = min((each.requested_at for each in state.described), default=None)
    return {"sent_at": sent_at and sent_at.astimezone(UTC).isoformat(), "history": history, "closure": closure(state)}


def indicators(
    rows: Iterable[Row], rules: Disclosure, now: datetime, after: date = date.min
) -> list[tuple[str, Indicator]]:
    """All cells of all windows that have settled by `now`, with their keys; those that end by `after` are left out."""
    cells: Counter[tuple[date, Category, str, str]] = Counter()
    for each in rows:
        first, end = rules.window(datetime.fromisoformat(each["sent_at"]).date())
        if end <= after or rules.as_of(end) > now:
            continue
        stood = _stood(each["history"], rules.as_of(end))
        if stood is not None:
            cells[(first, Category(stood["category"]), stood["area"], stood["state"])] += 1
    published = []
    for (first, category, area, state), count in sorted(cells.items()):
        k, end = rules.threshold(category), first + timedelta(days=rules.window_days)
        cell = Indicator(
            window_start=first,
            window_end=end,
            category=category,
            area=area,
            state=state,
            count=count if count >= k else None,
            k=k,
            as_of=rules.as_of(end),
        )
        published.append((key(cell), cell))
    return published


def key(cell: Indicator) -> str:
    """The record key: the cell and nothing of its content, so that compaction keeps one record for each."""
    return f"{cell.window_start}/{cell.window_end}/{cell.category.value}/{cell.area}/{cell.state}"


def _stood(history: Sequence[Row], at: datetime) -> Row | None:
    return next((each for each in reversed(history) if datetime.fromisoformat(each["at"]) <= at), None)


def _latest(risen: Sequence[T], at: datetime) -> T | None:
    """The last of those that were there at a moment."""
    return next((each for each in reversed(risen) if each.at <= at), None)


def _shown(step: Rise) -> str:
    state = step.noted.state
    return state.value if state in _SHOWN else OPEN
