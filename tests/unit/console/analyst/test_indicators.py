"""Sums of published counts: what is held back stays held back, in every format."""

import csv
import io
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts.outcomes import Indicator
from services.console.analyst.cells import By, IndicatorCell, period_of, rows, within
from services.console.analyst.formats import as_csv, as_html, as_parquet, bars
from services.console.shared.errors import UserError

BY = [By.AREA, By.STATE]


def cell(count: int | None, area: str = "PL-06", state: str = "open", day: int = 24, **more: Any) -> Indicator:
    first = date(2026, 11, day)
    return Indicator.model_validate(
        {
            "window_start": first,
            "window_end": date(2026, 11, day + 1),
            "category": "shelter",
            "area": area,
            "state": state,
            "count": count,
            "k": 5,
            "as_of": datetime(2026, 11, day + 2, tzinfo=UTC),
            **more,
        }
    )


CELLS = [cell(7), cell(None, day=25), cell(None, day=26, k=10), cell(None, state="delivered"), cell(12, area="PL-20")]


def test_held_back_cells_are_in_no_sum_and_give_it_bounds() -> None:
    assert rows(CELLS, BY) == [
        IndicatorCell(("PL-06", "delivered"), None, 1, 1, 4),
        IndicatorCell(("PL-06", "open"), 7, 2, 9, 20),
        IndicatorCell(("PL-20", "open"), 12, 0, 12, 12),
    ]


def test_cells_are_grouped_by_the_time_of_their_window() -> None:
    assert [row.group for row in rows(CELLS, [By.DAY])] == [("2026-11-24",), ("2026-11-25",), ("2026-11-26",)]
    assert [row.group for row in rows(CELLS, [By.MONTH, By.WEEK])] == [("2026-11", "2026-W48")]
    assert [row.group for row in rows(CELLS, [By.CATEGORY])] == [("shelter",)]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2026", (date(2026, 1, 1), date(2027, 1, 1))),
        ("2026-12", (date(2026, 12, 1), date(2027, 1, 1))),
        ("2026-W53", (date(2026, 12, 28), date(2027, 1, 4))),
        ("2026-02-28", (date(2026, 2, 28), date(2026, 3, 1))),
        ("2026-11-24..2026-12", (date(2026, 11, 24), date(2027, 1, 1))),
    ],
)
def test_a_period_is_parsed(text: str, span: tuple[date, date]) -> None:
    assert period_of(text) == span


@pytest.mark.parametrize("text", ["", "now", "2026-13", "2025-W53", "2026-11-31", "2026..2025", "..", "9999"])
def test_an_invalid_period_is_reported(text: str) -> None:
    with pytest.raises(UserError, match="the period"):
        period_of(text)


def test_only_windows_that_begin_in_the_period_count() -> None:
    assert [each.window_start.day for each in within(CELLS, period_of("2026-11-25..2026-11-26"))] == [25, 26]
    assert within(CELLS, None) == CELLS


def test_csv_has_an_empty_cell_for_a_held_back_count() -> None:
    result = list(csv.DictReader(io.StringIO(as_csv(rows(CELLS, BY), BY).decode())))
    assert [each["count"] for each in result] == ["", "7", "12"]
    assert result[1] == {
        "area": "PL-06",
        "state": "open",
        "count": "7",
        "held_back": "2",
        "at_least": "9",
        "at_most": "20",
    }


def test_parquet_has_null_for_a_held_back_count_and_integers() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(as_parquet(rows(CELLS, BY), BY)))
    assert table.column("count").to_pylist() == [None, 7, 12]
    assert str(table.schema.field("count").type) == "int64"
    assert table.column_names == ["area", "state", "count", "held_back", "at_least", "at_most"]
    assert parquet.read_table(io.BytesIO(as_parquet([], BY))).num_rows == 0


def test_a_page_needs_no_network_and_shows_what_is_held_back() -> None:
    pytest.importorskip("plotly")
    page = as_html(rows([*CELLS, cell(None, state="<b>")], BY), BY, "Needs <by> area").decode()
    assert not re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=|<link\b", page)
    assert "<h1>Needs &lt;by&gt; area</h1>" in page
    assert "<td>held back</td>" in page
    assert "<td>&lt;b&gt;</td>" in page
    assert "<td><b>" not in page


def test_bars_stack_published_counts_and_held_back_cells() -> None:
    result = {each["name"]: each["y"] for each in bars(rows(CELLS, BY))}
    assert result == {"delivered": [0, 0], "open": [7, 12], "held back, at least": [3, 0]}
    assert [each["name"] for each in bars(rows([cell(7)], [By.AREA]))] == ["published"]


def test_a_missing_library_is_reported_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pyarrow", "plotly", "plotly.graph_objects"):
        monkeypatch.setitem(__import__("sys").modules, library, None)
    for write in (lambda: as_parquet([], BY), lambda: as_html([], BY, "")):
        with pytest.raises(UserError, match=r"referral-routing\[analyst\]"):
            write()
