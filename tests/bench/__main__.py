"""``make bench``: a table, and ``build/bench.json``."""

import argparse
import json
import platform
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.stack import LocalStack

from . import step

RESULT = Path("build/bench.json")
_PACKAGES = ("aiokafka", "faststream", "motor", "pydantic", "orjson")


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    with LocalStack() as stack:
        laps = step.measure(stack.addresses, arguments.records, arguments.repetitions)
    figures = step.figures(laps)
    _show(laps, figures)
    RESULT.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.platform()}
    machine |= {name: version(name) for name in _PACKAGES}
    RESULT.write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n")


def _show(laps: dict[str, list[step.Lap]], figures: dict[str, float]) -> None:
    console = Console(file=sys.stdout, width=100)
    table = Table(title="One step, one process, records a second", title_justify="left")
    for column in ("contender", "median", "least", "most", "own CPU, µs a record"):
        table.add_column(column, justify="left" if column == "contender" else "right")
    for name, each in laps.items():
        rates = [lap.rate for lap in each]
        cpu = statistics.median(lap.cpu_us for lap in each)
        table.add_row(
            name, *(f"{rate:,.0f}" for rate in (statistics.median(rates), min(rates), max(rates))), f"{cpu:.0f}"
        )
    console.print(table)
    for name, value in figures.items():
        console.print(f"{name:<24}{value:8.2f}")


if __name__ == "__main__":
    main()
