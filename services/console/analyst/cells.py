"""Adds up published counts without revealing those that are held back. Pure.

A published cell below its threshold k has no count. Such cells are left out of a sum. Beside the sum a row has
their number, and the bounds of the true sum (each of them is between 1 and k - 1).
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
    """What counts are grouped by. Times are when needs were sent."""

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
    """The number of needs in a group of cells."""

    group: tuple[str, ...]
    count: int | None
    """The sum of the published counts; None when all are held back."""
    held_back: int
    """The number of cells whose count is held back."""
    at_least: int
    at_most: int

    def figures(self) -> tuple[int | None, ...]:
        """The numbers, in the order of `FIGURES`."""
        return (self.count, self.held_back, self.at_least, self.at_most)

    def document(self, by: Sequence[By]) -> dict[str, Any]:
        """Group and numbers by name."""
        names = [each.value for each in by]
        return {**dict(zip(names, self.group, strict=True)), **dict(zip(FIGURES, self.figures(), strict=True))}


def rows(cells: Iterable[Indicator], by: Sequence[By]) -> list[IndicatorCell]:
    """The sums of each group, sorted by group."""
    groups: dict[tuple[str, ...], list[Indicator]] = {}
    for cell in cells:
        groups.setdefault(tuple(_OF[each](cell) for each in by), []).append(cell)
    return [_row(group, groups[group]) for group in sorted(groups)]


def _row(group: tuple[str, ...], cells: Sequence[Indicator]) -> IndicatorCell:
    counts = [cell.count for cell in cells if cell.count is not None]
    held_back = [cell for cell in cells if cell.count is None]
    at_least = sum(counts) + len(held_back)
    at_most = sum(counts) + sum(cell.k - 1 for cell in held_back)
    return IndicatorCell(group, sum(counts) if counts else None, len(held_back), at_least, at_most)


def within(cells: Iterable[Indicator], period: tuple[date, date] | None) -> list[Indicator]:
    """The cells whose window begins in the period; its second day is excluded. None selects all."""
    return [cell for cell in cells if period is None or period[0] <= cell.window_start < period[1]]


def period_of(text: str) -> tuple[date, date]:
    """The first day of a period and the first day after it.

    `text` is a year, month, ISO week or day, or FROM..TO including both. Raises `UserError` for anything else.
    """
    first, dots, last = text.partition("..")
    try:
        begins, ends = _span(first)
        if dots:
            ends = _span(last)[1]
    except (ValueError, OverflowError):
        raise UserError(f"the period {text} cannot be read", _PERIOD) from None
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
