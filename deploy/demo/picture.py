"""The picture in README (``make picture``): the telling part of what the demo printed, as an SVG of a terminal."""

import io
from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.terminal_theme import MONOKAI
from rich.text import Text

from contracts.words import Lifecycle

from . import explanations
from .stories import StoryError
from .verdict import conclude
from .watch import Watch

WIDTH = 100
"""Columns: as many as a web page shows in a readable size."""

_COLOURS: Mapping[str, str] = {
    Lifecycle.DELIVERED: "green",
    Lifecycle.PARTLY_DELIVERED: "green",
    Lifecycle.NOT_DELIVERED: "red",
    Lifecycle.UNMET: "red",
}


def draw(
    file: Path,
    watch: Watch,
    outcomes: Mapping[str, str | StoryError],
    explain: explanations.Explain | None,
    passed: bool,
) -> None:
    """Write the stories, why one need was matched and why another was not helped (in English), and the verdict."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print("[bold]$ make demo[/bold]\n")
    console.print(_counts(watch), "\n", sep="")
    console.print(_stories(outcomes))
    if explain is not None:
        # Without border lines: where a browser replaces the font they would not meet at the corners.
        explanations.show(console, watch, explain, languages=["en"], border=box.SIMPLE)
    conclude(console, passed)
    console.save_svg(str(file), title="Referral Routing", theme=MONOKAI)


def _counts(watch: Watch) -> Text:
    """Referrals and needs, how many needs are in each state, and how many waited or went on to another service."""
    text = Text(f"{len(watch.published)} referrals, {len(watch.needs)} needs\n")
    for state, count in watch.states.most_common():
        text.append(f"{count} {state}  ", _COLOURS.get(state, "cyan"))
    return text.append(
        f"\n{watch.waited()} waited for a place; {watch.rerouted()} times a need went on to another service."
    )


def _stories(outcomes: Mapping[str, str | StoryError]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for title, ending in outcomes.items():
        table.add_row(Text(title, "cyan"), Text(str(ending), "red" if isinstance(ending, StoryError) else ""))
        table.add_row()
    return table
