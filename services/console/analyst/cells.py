"""Published counts, added up without undoing what is held back. Pure.

A published cell below its threshold k has no count. Where cells are added, those stay out of the sum and are told
beside it: how many there are, and what that leaves the true sum between (each is 1 to k - 1).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from contracts.outcomes import Indicator

from ..shared.errors import UserError


class By(StrEnum):
    """What counts are told by. Times are of when needs were sent."""

    CATEGORY = "category"
    AREA = "area"
    STATE = "state"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_OF: Mapping[By, Callable[[Indicator], str]] = {
    By.CATEGORY: lambda cell: cell.category.value,
    By.AREA: lambda cell: cell.area,
    By.STATE: lambda cell: cell.state,
    By.DAY: lambda cell: cell.window_start.isoformat(),
    By.WEEK: lambda cell: "{}-W{:02}".format(*cell.window_start.isocalendar()[:2]),
    By.MONTH: lambda cell: f"{cell.window_start:%Y-%m}",
}
FIGURES = ("count", "held_back", "at_least", "at_most")


@dataclass(frozen=True)
class IndicatorCell:
    """The needs of a group of cells."""

    group: tuple[str, ...]
    count: int | None
    """The sum of cells that are told; None where all of them are held back."""
    held_back: int
    """Cells that are not told."""
    at_least: int
    at_most: int

    def figures(self) -> tuple[int | None, ...]:
        """Under `FIGURES`."""
        return (self.count, self.held_back, self.at_least, self.at_most)

    def named(self, by: Sequence[By]) -> dict[str, Any]:
        """By name."""
        names = [each.value for each in by]
        return {**dict(zip(names, self.group, strict=True)), **dict(zip(FIGURES, self.figures(), strict=True))}


def rows(cells: Iterable[Indicator], by: Sequence[By]) -> list[IndicatorCell]:
    """The sums of each group, in order."""
    groups: dict[tuple[str, ...], list[Indicator]] = {}
    for cell in cells:
        groups.setdefault(tuple(_OF[each](cell) for each in by), []).append(cell)
    return [_row(group, groups[group]) for group in sorted(groups)]


def _row(group: tuple[str, ...], cells: Sequence[Indicator]) -> IndicatorCell:
    told = [cell.count for cell in cells if cell.count is not None]
    held = [cell for cell in cells if cell.count is None]
    most = sum(cell.k - 1 for cell in held)
    return IndicatorCell(group, sum(told) if told else None, len(held), sum(told) + len(held), sum(told) + most)


def within(cells: Iterable[Indicator], period: tuple[date, date] | None) -> list[Indicator]:
    """Those whose window begins in the period: from its first day to before its last."""
    return [cell for cell in cells if period is None or period[0] <= cell.window_start < period[1]]


def period_of(text: str) -> tuple[date, date]:
    """First day and first day after: of a year, month, ISO week or day, or FROM..TO with both included. `UserError`."""
    first, dots, last = text.partition("..")
    try:
        begins, ends = _span(first)
        if dots:
            ends = _span(last)[1]
    except (ValueError, OverflowError):
        raise UserError(f"the period {text} can not be read", _PERIOD) from None
    if begins >= ends:
        raise UserError(f"the period {text} ends before it begins", _PERIOD)
    return begins, ends


_PERIOD = "expected 2026, 2026-11, 2026-W48, 2026-11-24 or 2026-11-01..2026-11-15"


def _span(text: str) -> tuple[date, date]:
    if re.fullmatch(r"\d{4}", text):
        return date(int(text), 1, 1), date(int(text) + 1, 1, 1)
    if re.fullmatch(r"\d{4}-\d{2}", text):
        first = date.fromisoformat(f"{text}-01")
        return first, (first + timedelta(days=31)).replace(day=1)
    if re.fullmatch(r"\d{4}-W\d{2}", text):
        first = date.fromisocalendar(int(text[:4]), int(text[6:]), 1)
        return first, first + timedelta(days=7)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return date.fromisoformat(text), date.fromisoformat(text) + timedelta(days=1)
    raise ValueError(text)
