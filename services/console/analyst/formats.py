"""Counts as CSV, as Parquet, and as one HTML page with a chart that needs no network. Pure, except for late imports."""

import csv
import html
import io
from collections.abc import Sequence
from typing import Any

from ..shared.errors import UserError
from .cells import FIGURES, By, IndicatorCell

_EXTRA = "run `pip install 'referral-routing[analyst]'`"
_NOTE = (
    "Counts of needs as published. A cell below its threshold is held back and stays so. A sum adds the published "
    "counts only; the true sum, with the cells that are held back, is between “at least” and “at most”."
)


def as_csv(rows: Sequence[IndicatorCell], by: Sequence[By]) -> bytes:
    """A CSV file with headings. A count that is held back is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(each.value for each in by), *FIGURES])
    writer.writerows([*row.group, *row.figures()] for row in rows)
    return out.getvalue().encode()


def as_parquet(rows: Sequence[IndicatorCell], by: Sequence[By]) -> bytes:
    """A Parquet file with one table. A count that is held back is null. Raises `UserError` without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError("Parquet needs pyarrow", _EXTRA) from None
    schema = pyarrow.schema(
        [(each.value, pyarrow.string()) for each in by] + [(name, pyarrow.int64()) for name in FIGURES],
        metadata={"note": _NOTE},
    )
    out = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_pylist([row.document(by) for row in rows], schema), out)
    return bytes(out.getvalue().to_pybytes())


def as_html(rows: Sequence[IndicatorCell], by: Sequence[By], title: str) -> bytes:
    """A self-contained page with a chart and a table. Raises `UserError` without plotly."""
    try:
        import plotly.graph_objects as graph
    except ImportError:
        raise UserError("a chart needs plotly", _EXTRA) from None
    figure = graph.Figure(data=[graph.Bar(**bar) for bar in bars(rows)])
    figure.update_layout(barmode="stack", xaxis_title=by[0].value, yaxis_title="needs", template="plotly_white")
    chart = figure.to_html(full_html=False, include_plotlyjs=True)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in [*(each.value for each in by), *map(_heading, FIGURES)])
    body = "".join(f"<tr>{''.join(map(_cell, [*row.group, *row.figures()]))}</tr>" for row in rows)
    name = html.escape(title)
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{name}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{name}</h1><p>{html.escape(_NOTE)}</p>{chart}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></body></html>\n"
    ).encode()


_STYLE = "body{font-family:sans-serif;margin:2em;max-width:70em}td,th{padding:.2em .8em;text-align:left}"


def bars(rows: Sequence[IndicatorCell]) -> list[dict[str, Any]]:
    """The bars of the chart: one series for each value of the second and further groups, over the first group.

    A last, hatched series shows the cells that are held back, with their lowest possible count.
    """
    firsts = list(dict.fromkeys(row.group[0] for row in rows))
    series = list(dict.fromkeys(row.group[1:] for row in rows))
    chart: list[dict[str, Any]] = [
        {"name": " ".join(rest) or "published", "x": firsts, "y": [_sum(rows, first, rest) for first in firsts]}
        for rest in series
    ]
    held_back = [sum(row.held_back for row in rows if row.group[0] == first) for first in firsts]
    if any(held_back):
        pattern = {"color": "lightgrey", "pattern": {"shape": "/"}}
        chart.append({"name": "held back, at least", "x": firsts, "y": held_back, "marker": pattern})
    return chart


def _sum(rows: Sequence[IndicatorCell], first: str, rest: tuple[str, ...]) -> int:
    return sum(row.count or 0 for row in rows if row.group == (first, *rest))


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: object) -> str:
    return f"<td>{'held back' if value is None else html.escape(str(value))}</td>"
