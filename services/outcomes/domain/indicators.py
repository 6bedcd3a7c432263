"""Counts of needs that can be published: by category, area and state, without exposing a person.

The cohort is the needs sent within a window of whole days (UTC); open needs are shown as open. A window is published
once, after it has settled, as it was at that moment. A row keeps what was true from when on, so counting a window again
gives the same counts, and no two publications can be subtracted from each other. For this the publisher may run only
when the service has read its inputs up to `now`, as the ticker ensures.

Small counts are suppressed: a cell that counts from 1 to k - 1 is null, with a higher k for the categories that expose
most. Windows do not overlap, cells do not overlap, and there are no totals and no margins, so nothing can be found by
subtraction. A cell of zero is not published. Windows of another length over days that are already published would break
this: do not change `window_days` or `settle` once indicators have been read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, TypeVar

from contracts.outcomes import Indicator
from contracts.words import Category, Lifecycle

from .loop_closure import closure
from .state import Description, NeedTimeline, Rise

TABLE = "needs"
SENSITIVE = frozenset({Category.PROTECTION, Category.CHILD_PROTECTION, Category.GBV, Category.TRAFFICKING})
OPEN = "open"

_PUBLISHED_STATES = frozenset(
    {
        Lifecycle.DELIVERED,
        Lifecycle.PARTLY_DELIVERED,
        Lifecycle.NOT_DELIVERED,
        Lifecycle.UNMET,
        Lifecycle.WITHDRAWN,
        Lifecycle.WAITING,
    }
)
"""All other states are published as `OPEN`."""

T = TypeVar("T", Rise, Description)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublicationRules:
    """When windows are published, and which counts are suppressed. A window is published `settle` after its end."""

    window_days: int = 1
    settle: timedelta = timedelta(hours=24)
    k: int = 5
    k_sensitive: int = 10

    def threshold(self, category: Category) -> int:
        """The lowest count that is published."""
        return max(self.k, self.k_sensitive) if category in SENSITIVE else self.k

    def window(self, day: date) -> tuple[date, date]:
        """The window of a day: its first day, and the first day after it. Windows count from 1 January of year 1."""
        first = date.fromordinal(1 + (day.toordinal() - 1) // self.window_days * self.window_days)
        return first, first + timedelta(days=self.window_days)

    def as_of(self, window_end: date) -> datetime:
        """The moment whose state is published, which is also the first at which it can be."""
        return datetime.combine(window_end, time(), UTC) + self.settle


class _Cell(NamedTuple):
    window_start: date
    category: Category
    area: str
    state: str


def need_row(state: NeedTimeline) -> dict[str, Any]:
    """One need: when it was sent, what was true of it from when on, and its loop closure. It holds no personal data."""
    history: list[dict[str, Any]] = []
    for at in sorted({rise.at for rise in state.rises} | {each.at for each in state.descriptions}):
        description = _latest(state.descriptions, at)
        if description is None:
            continue  # not registered yet, as the clocks of two services have it
        rise = _latest(state.rises, at)
        entry = {
            "category": description.category.value,
            "area": description.area,
            "state": OPEN if rise is None else _published_state(rise),
        }
        if not history or any(history[-1][name] != value for name, value in entry.items()):
            history.append({"at": at.astimezone(UTC).isoformat(), **entry})
    sent_at = min((each.requested_at for each in state.descriptions), default=None)
    return {"sent_at": sent_at and sent_at.astimezone(UTC).isoformat(), "history": history, "closure": closure(state)}


def indicators(
    rows: Iterable[Row], rules: PublicationRules, now: datetime, after: date = date.min
) -> list[tuple[str, Indicator]]:
    """The cells of all windows that have settled by `now` and end later than `after`, with their keys."""
    counts: Counter[_Cell] = Counter()
    for row in rows:
        first, end = rules.window(datetime.fromisoformat(row["sent_at"]).date())
        if end <= after or rules.as_of(end) > now:
            continue
        entry = _entry_at(row["history"], rules.as_of(end))
        if entry is not None:
            counts[_Cell(first, Category(entry["category"]), entry["area"], entry["state"])] += 1
    published = [_indicator(cell, count, rules) for cell, count in sorted(counts.items())]
    return [(key(each), each) for each in published]


def _indicator(cell: _Cell, count: int, rules: PublicationRules) -> Indicator:
    k, end = rules.threshold(cell.category), cell.window_start + timedelta(days=rules.window_days)
    return Indicator(
        window_start=cell.window_start,
        window_end=end,
        category=cell.category,
        area=cell.area,
        state=cell.state,
        count=count if count >= k else None,
        k=k,
        as_of=rules.as_of(end),
    )


def key(cell: Indicator) -> str:
    """The record key: the cell without its count, so that compaction keeps one record for each cell."""
    return f"{cell.window_start}/{cell.window_end}/{cell.category.value}/{cell.area}/{cell.state}"


def _entry_at(history: Sequence[Row], at: datetime) -> Row | None:
    """The entry of a row's history that was true at a moment; None if there was none yet."""
    return next((each for each in reversed(history) if datetime.fromisoformat(each["at"]) <= at), None)


def _latest(entries: Sequence[T], at: datetime) -> T | None:
    """The last of those that existed at a moment."""
    return next((each for each in reversed(entries) if each.at <= at), None)


def _published_state(rise: Rise) -> str:
    state = rise.noted.state
    return state.value if state in _PUBLISHED_STATES else OPEN
