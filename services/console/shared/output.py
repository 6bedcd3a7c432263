"""What commands write: JSON for programs, tables for people. Only what was asked for goes to stdout."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, for programs.")]
_WIDE = 220
"""Columns where nobody looks: a pipe or a file shall get whole ids."""
_COLOURS = {"ok": "green", "warning": "yellow", "bad": "red"}


def as_json(data: Any) -> None:
    """One document."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()  # of a command that goes on, each line at once


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their columns. Nothing in a cell is taken as markup."""
    made = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(*(Text(plain(str(cell)), style=_COLOURS.get(str(cell), "")) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    if console.is_terminal:
        console.print(made)
        return
    with console.capture() as caught:
        console.print(made)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in caught.get().splitlines()))


def say(text: str) -> None:
    """A line of the answer."""
    sys.stdout.write(plain(text) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """A line beside the answer."""
    sys.stderr.write(plain(text) + "\n")


def confirm(question: str) -> None:
    """Ask on stderr, since stdout may be a program's. Anything but a yes ends the command with exit status 1."""
    sys.stderr.write(f"{plain(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        warn("Nothing was done; --yes does not ask.")
        raise typer.Exit(1)


def when(moment: datetime | None) -> str:
    """A time in UTC, to the second; empty where there is none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else ""


def example(command: str) -> str:
    """What stands below a command's help. Each is tried by a test."""
    return f"Example: {command}"


def plain(text: str) -> str:
    """Text that can do nothing to a terminal: what is in records is others' input."""
    return "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)
