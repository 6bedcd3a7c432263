"""What commands print: JSON for programs, tables for people. Only the result goes to stdout, all else to stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
_WIDE = 220
"""Width in a pipe or a file, so that ids are not cut."""
_COLOURS = {"ok": "green", "warning": "yellow", "bad": "red"}


def as_json(data: Any) -> None:
    """Print one JSON document on a line of its own."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()  # with --follow each line must come at once


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their column headings. Cells are plain text, never markup."""
    grid = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(Text(plain(str(cell)), style=_COLOURS.get(str(cell), "")) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    if console.is_terminal:
        console.print(grid)
        return
    with console.capture() as captured:
        console.print(grid)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def say(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(plain(text) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Print a line on stderr, beside the result."""
    sys.stderr.write(plain(text) + "\n")


def confirm(question: str) -> None:
    """Ask on stderr, since a program may read stdout. Any answer but yes ends the command with exit status 1."""
    sys.stderr.write(f"{plain(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        warn("Nothing was done. With --yes the command does not ask.")
        raise typer.Exit(1)


def when(moment: datetime | None) -> str:
    """A time in UTC to the second; empty for None."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else ""


def local(moment: datetime | None) -> str:
    """A time in this machine's time zone, to the minute; empty for None."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""


def time_left(due: datetime | None, now: datetime) -> str:
    """How long until `due`, or since: "3 h 50 min left", "2 days overdue"; empty for None."""
    if due is None:
        return ""
    minutes = int(abs((due - now).total_seconds()) // 60)
    days, hours = minutes // 1440, minutes // 60
    under_two_days = f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
    length = f"{days} days" if days >= 2 else under_two_days
    return f"{length} left" if due > now else f"{length} overdue"


def example(command: str) -> str:
    """The example below a command's help. A test tries each one."""
    return f"Example: {command}"


def plain(text: str) -> str:
    """Text with control characters escaped, because records are untrusted input and could control the terminal."""
    return "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)
