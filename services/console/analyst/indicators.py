"""`referrals indicators`: counts of needs by category, area, state and time, as published."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from contracts.outcomes import Indicator
from contracts.topics import INDICATORS
from deploy.cluster.access import ANALYST

from ..shared import output as show
from ..shared.client import Client
from ..shared.errors import UserError
from .cells import FIGURES, By, IndicatorCell, period_of, rows, within
from .formats import as_csv, as_html, as_parquet


class Format(StrEnum):
    """Output formats."""

    TABLE = "table"
    CSV = "csv"
    PARQUET = "parquet"
    HTML = "html"


def indicators(
    context: typer.Context,
    by: Annotated[
        str, typer.Option(help="One or more of category, area, state, day, week, month, separated by commas.")
    ] = "category,state",
    period: Annotated[
        str | None, typer.Option(help="When needs were sent: 2026, 2026-11, 2026-W48, 2026-11-24, or FROM..TO.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="Output format; parquet and html need the extra `analyst`.")
    ] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout.")] = None,
    as_json: show.Json = False,
) -> None:
    """Show published counts of needs by category, region, state or time.

    Small counts are held back when they are published: sums leave them out and show how many they are. Exit status 1 if
    nothing is published for the period.
    """
    groups, span = _groups(by), period_of(period) if period else None
    cells = within(_published(Client(context.obj.identity(ANALYST))), span)
    sums = rows(cells, groups)
    title = f"Needs by {', '.join(each.value for each in groups)}{f', {period}' if period else ''}"
    if as_json:
        as_of = max((cell.as_of.isoformat() for cell in cells), default=None)
        documents = [row.document(groups) for row in sums]
        show.as_json({"by": groups, "period": period, "as_of": as_of, "rows": documents})
    elif form is Format.TABLE and output is None:
        show.table([*(each.value.upper() for each in groups), *map(_heading, FIGURES)], map(_cells, sums))
        show.say(f"{len(cells)} cells published, {sum(cell.count is None for cell in cells)} of them held back")
    else:
        _write(_file(form, sums, groups, title), output, form)
    raise typer.Exit(0 if cells else 1)


def _groups(text: str) -> list[By]:
    try:
        groups = [By(each.strip()) for each in text.split(",")]
    except ValueError:
        hint = f"give one or more of {', '.join(By)}, separated by commas"
        raise UserError(f"--by {text} cannot be read", hint) from None
    return list(dict.fromkeys(groups))


def _published(client: Client) -> list[Indicator]:
    """The newest version of each cell."""
    newest: dict[str, Indicator] = {}
    for record in client.read(INDICATORS):
        if record is None or record.value is None:
            continue
        event = client.parse(record)
        if event is not None and isinstance(event[1], Indicator):
            newest[record.key] = event[1]
    return list(newest.values())


def _file(form: Format, sums: list[IndicatorCell], by: list[By], title: str) -> bytes:
    match form:
        case Format.PARQUET:
            return as_parquet(sums, by)
        case Format.HTML:
            return as_html(sums, by, title)
        case Format.TABLE:
            raise UserError("a table cannot be written to a file", "give --format csv, parquet or html with --output")
    return as_csv(sums, by)


def _write(content: bytes, output: Path | None, form: Format) -> None:
    if output is not None:
        try:
            output.write_bytes(content)
        except OSError as error:
            raise UserError(f"{output} cannot be written", error.strerror or type(error).__name__) from None
        show.warn(f"written: {output}")
    elif form is not Format.CSV and sys.stdout.isatty():
        raise UserError(f"{form.value} cannot be shown on a terminal", "give --output FILE")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def _heading(name: str) -> str:
    return name.replace("_", " ").upper()


def _cells(row: IndicatorCell) -> tuple[object, ...]:
    count, *rest = row.figures()
    return (*row.group, "held back" if count is None else count, *rest)
