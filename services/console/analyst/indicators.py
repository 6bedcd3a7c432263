"""`referrals indicators`: counts of needs, by what and when, from the topic they are published on."""

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
    """How counts are written."""

    TABLE = "table"
    CSV = "csv"
    PARQUET = "parquet"
    HTML = "html"


def indicators(
    context: typer.Context,
    by: Annotated[
        str, typer.Option(help="One or several of category, area, state, day, week, month, with commas between.")
    ] = "category,state",
    period: Annotated[
        str | None, typer.Option(help="When needs were sent: 2026, 2026-11, 2026-W48, 2026-11-24, or FROM..TO.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="parquet and html need the extra `analyst`.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout.")] = None,
    as_json: show.Json = False,
) -> None:
    """Count needs by category, region, state or time, from what is published to analysts.

    Small cells are held back as they are published: they are in no sum, and it is told how many they are. Exit status 1
    if nothing is published of that period.
    """
    words, span = _by(by), period_of(period) if period else None
    cells = within(_published(Client(context.obj.identity(ANALYST))), span)
    found = rows(cells, words)
    title = f"Needs by {', '.join(each.value for each in words)}{f', {period}' if period else ''}"
    if as_json:
        as_of = max((cell.as_of.isoformat() for cell in cells), default=None)
        named = [row.named(words) for row in found]
        show.as_json({"by": words, "period": period, "as_of": as_of, "rows": named})
    elif form is Format.TABLE and output is None:
        show.table([*(each.value.upper() for each in words), *map(_heading, FIGURES)], map(_cells, found))
        show.say(f"{len(cells)} cells published, {sum(cell.count is None for cell in cells)} of them held back")
    else:
        _write(_file(form, found, words, title), output, form)
    raise typer.Exit(0 if cells else 1)


def _by(text: str) -> list[By]:
    try:
        found = [By(each.strip()) for each in text.split(",")]
    except ValueError:
        raise UserError(
            f"--by {text} can not be read", f"one or several of {', '.join(By)}, with commas between"
        ) from None
    return list(dict.fromkeys(found))


def _published(client: Client) -> list[Indicator]:
    """Each cell once: the topic keeps the newest under a key."""
    newest: dict[str, Indicator] = {}
    for found in client.read(INDICATORS):
        told = client.understood(found) if found is not None and found.value is not None else None
        if found is not None and told is not None and isinstance(told[1], Indicator):
            newest[found.key] = told[1]
    return list(newest.values())


def _file(form: Format, found: list[IndicatorCell], by: list[By], title: str) -> bytes:
    match form:
        case Format.PARQUET:
            return as_parquet(found, by)
        case Format.HTML:
            return as_html(found, by, title)
        case Format.TABLE:
            raise UserError("a table is for the screen", "give --format csv, parquet or html with --output")
    return as_csv(found, by)


def _write(content: bytes, output: Path | None, form: Format) -> None:
    if output is not None:
        try:
            output.write_bytes(content)
        except OSError as error:
            raise UserError(f"{output} can not be written", error.strerror or type(error).__name__) from None
        show.warn(f"written: {output}")
    elif form is not Format.CSV and sys.stdout.isatty():
        raise UserError(f"{form.value} is not for a screen", "give --output FILE")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def _heading(name: str) -> str:
    return name.replace("_", " ").upper()


def _cells(row: IndicatorCell) -> tuple[object, ...]:
    count, *rest = row.figures()
    return (*row.group, "held back" if count is None else count, *rest)
