"""``make bench``: a table, and ``build/bench.json``."""

import argparse
import json
import os
import platform
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.kafka import AccessControl
from deploy.local.stack import LocalStack
from tests.bench import flow, growth, step

from .matching import quality, speed

RESULT = Path("build/bench.json")
_PACKAGES = ("aiokafka", "faststream", "motor", "pydantic", "orjson")


def main() -> None:
    """Measure and show. What is not measured this time keeps the figures it had."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=["step", "flow", "growth", "match"], help="make bench ONLY=…")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=10, help="how many of the frozen seeds matching is simulated on")
    arguments = parser.parse_args()
    console = Console(file=sys.stdout, width=100)
    figures: dict[str, float] = {}
    if arguments.only in (None, "step"):
        with LocalStack(access_control=AccessControl()) as stack:
            laps = step.measure(stack.addresses, arguments.records, arguments.repetitions)
        console.print(_table(laps))
        console.print(_steps(laps))
        figures |= step.figures(laps)
    if arguments.only in (None, "growth"):
        with LocalStack(access_control=AccessControl()) as stack:
            figures |= growth.figures(growth.measure(stack.addresses))
    if arguments.only in (None, "flow"):
        figures |= flow.figures(flow.measure())
    if arguments.only in (None, "match"):
        figures |= speed.measure() | quality.measure(console, arguments.seeds)
    for name, value in figures.items():
        console.print(f"{name:<40}{value:12,.2f}")
    _write(figures)


def _table(laps: dict[str, list[step.Lap]]) -> Table:
    table = Table(title="One step, one process, records a second", title_justify="left")
    for column in ("contender", "median", "least", "most", "own CPU, µs a record"):
        table.add_column(column, justify="left" if column == "contender" else "right")
    for name, each in laps.items():
        rates = [lap.rate for lap in each]
        cpu = statistics.median(lap.cpu_us for lap in each)
        table.add_row(
            name, *(f"{rate:,.0f}" for rate in (statistics.median(rates), min(rates), max(rates))), f"{cpu:.0f}"
        )
    return table


def _steps(laps: dict[str, list[step.Lap]]) -> Table:
    """Where a record's time goes; medians, each of its own, so that they add up to the whole only nearly."""
    table = Table(title="The steps of the loop, µs a record", title_justify="left")
    shown = ("first", "warm", "cold")
    for column in ("step", *shown):
        table.add_column(column, justify="left" if column == "step" else "right")
    for name in laps["first"][0].steps:
        medians = [statistics.median(lap.steps.get(name, 0.0) for lap in laps[each]) for each in shown]
        table.add_row(name, *(f"{median:.1f}" for median in medians))
    return table


def _write(figures: dict[str, float]) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    before = json.loads(RESULT.read_text())["figures"] if RESULT.exists() else {}
    machine: dict[str, str | int | None] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
    }
    machine |= {name: version(name) for name in _PACKAGES}
    RESULT.write_text(json.dumps({"machine": machine, "figures": before | figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
