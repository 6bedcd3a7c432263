"""What the person in front of the demo sees."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from contracts.outcomes import StatusChanged
from contracts.words import Lifecycle

from .stories import StoryError
from .watch import Watch, quantiles

_COLOURS = {
    Lifecycle.DELIVERED: "green",
    Lifecycle.PARTLY_DELIVERED: "green",
    Lifecycle.NOT_DELIVERED: "red",
    Lifecycle.UNMET: "red",
    Lifecycle.DECLINED: "yellow",
    Lifecycle.EXPIRED: "yellow",
    Lifecycle.WAITING: "magenta",
}


def progress(watch: Watch, planned: int, now: datetime) -> Panel:
    """The live view."""
    states = watch.states
    ended = sum(count for state, count in states.items() if state != "unheard" and Lifecycle(state).ended)
    table = Table.grid(padding=(0, 2))
    for state in [*Lifecycle, "unheard"]:
        if states[state]:
            colour = _COLOURS.get(Lifecycle(state), "cyan") if state != "unheard" else "dim"
            table.add_row(Text(state, colour), str(states[state]), Text("█" * (states[state] // 3), colour))
    head = Text(f"{len(watch.published)} of {planned} referrals published, {ended} of {len(watch.needs)} needs ended")
    bar = ProgressBar(total=max(1, len(watch.needs)), completed=ended, width=60)
    return Panel(Group(head, bar, "", table), title=f"Referral Routing, {now:%d %B %H:%M} in the demo", padding=(1, 2))


def summary(
    console: Console, watch: Watch, now: datetime, latencies: Sequence[float], released: int, answered: int
) -> None:
    """The table at the end."""
    table = Table(title="What became of it", show_header=False, title_justify="left")
    table.add_row("referrals accounted for", f"{watch.referrals_accounted_for(now)} of {len(watch.published)}")
    table.add_row("needs", str(len(watch.needs)))
    for state, count in watch.states.most_common():
        table.add_row(f"  {state}", str(count))
    for reason, count in watch.unmet().most_common():
        table.add_row(f"  unmet: {reason}", str(count))
    table.add_row("offered to several services at once", str(watch.at_once()))
    table.add_row("re-routed (offers after the first)", str(watch.rerouted()))
    table.add_row("waited for a place at some time", str(watch.waited()))
    table.add_row("offers that providers read", str(answered))
    table.add_row("contacts released, encrypted, and opened", str(released))
    median, p99 = quantiles(list(latencies))
    table.add_row(
        "from publication to the provider's notification", f"median {median * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
    )
    console.print(table)


def stories(console: Console, happened: Mapping[str, str | StoryError]) -> None:
    """What happened in each."""
    table = Table(title="Told by name", show_header=False, show_lines=True, title_justify="left")
    for title, what in happened.items():
        table.add_row(title, Text(str(what), "red" if isinstance(what, StoryError) else ""))
    console.print(table)


def timeline(console: Console, watch: Watch, agency: str, reference: str) -> None:
    """All that the agency was told of one referral."""
    told = [status for need, each in watch.needs.items() if need[:2] == (agency, reference) for status in each]
    table = Table(title=f"Referral {reference} as {agency} sees it", title_justify="left")
    for column in ("since", "need", "attempt", "state", "FHIR", "service", "code", "next by"):
        table.add_column(column)
    for status in sorted(told, key=lambda each: (each.need, each.since)):
        table.add_row(*_row(status))
    console.print(table)


def _row(status: StatusChanged) -> tuple[str | Text, ...]:
    where = f"{status.provider}/{status.service}" if status.service and "/" not in status.service else status.service
    return (
        f"{status.since:%d %b %H:%M}",
        status.need,
        str(status.attempt or ""),
        Text(status.what or status.state.value, _COLOURS.get(status.state, "cyan")),
        status.fhir_status,
        where or "",
        status.code or "",
        f"{status.next_by:%d %b %H:%M}" if status.next_by else "",
    )
