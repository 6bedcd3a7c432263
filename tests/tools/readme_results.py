"""``make results``: writes the last results of simulate, month, faults and bench into ``tests/README.md``."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILD, README = ROOT / "build", ROOT / "tests" / "README.md"
BETWEEN = re.compile(r"(?<=<!-- make results -->\n).*?(?=<!-- end -->)", re.DOTALL)

Row = tuple[str, str, str]
"""What was measured, the result, and the target (empty: none)."""


def rows(build: Path) -> Iterator[Row]:
    """The rows of all runs whose results are in the folder ``build``."""
    if simulation := _read(build / "simulate.json"):
        result = f"{simulation['wrong']} wrong, {simulation['seconds']} s"
        yield f"`make simulate`: {simulation['seeds']:,} seeds", result, "0 wrong"
    if report := _read(build / "faults.json"):
        yield from _faults(report["faults"])
    if month := _read(build / "month.json"):
        yield from _month(month)
    if bench := _read(build / "bench.json"):
        figures = bench["figures"]
        for name, (meaning, form, target) in FIGURES.items():
            if name in figures:
                yield meaning, form.format(figures[name]), target


def _month(month: dict[str, Any]) -> Iterator[Row]:
    needs = month["needs"]
    rate = f"{month['closure_rate']:.1%}"
    yield f"`make month`: ends reported, of {needs} needs at the field's acceptance rates", rate, "100.0%"
    for name, meaning in (("answer_h", "time to first answer"), ("close_h", "time to close")):
        median, p90 = month[name]
        yield f"the same, {meaning}, median and p90", f"{median:.0f} h, {p90:.0f} h", ""
    yield "the same, re-routes per need", f"{month['reroutes'] / needs:.2f}", ""


FIGURES = {
    "step.first_over_raw": ("first event of a stream, speed relative to raw bytes", "{:.3f}", "≥ 0.40"),
    "step.warm_over_raw": ("event of a cached stream, relative to raw bytes", "{:.3f}", "≥ 0.50"),
    "step.cold_over_raw": ("event of a stream that is not cached, relative to raw bytes", "{:.3f}", "≥ 0.33"),
    "step.first_over_naive": ("first event, relative to a handler as tutorials write it", "{:.1f} times", "≥ 20 times"),
    "step.first_cpu_us": ("CPU of a first event, our code only", "{:.0f} µs", "≤ 110 µs"),
    "gate.over_raw": ("the gate with encryption, relative to raw bytes", "{:.3f}", ""),
    "journal.growth_1e3_1e5": ("cost of a step at 10⁵ streams, relative to 10³", "{:.2f}", "≤ 1.3"),
    "journal.growth_1e3_1e6": ("cost of a step at 10⁶ streams, relative to 10³", "{:.2f}", "≤ 1.3"),
    "flow.closed_per_s": ("referrals closed per second, everything on this machine", "{:.0f}", ""),
    "flow.p50_ms_at_20": ("from publication to the provider's notification, at 20 per second, median", "{:.0f} ms", ""),
    "flow.p99_ms_at_20": ("the same, p99", "{:.0f} ms", ""),
    "flow.p99_ms_at_100": ("at 100 per second, p99", "{:.0f} ms", ""),
    "match.us_mean_10k": ("matching: filter, funnel and rank among 10,000 services, mean", "{:.0f} µs", "≤ 25 µs"),
    "match.us_p99_10k": ("the same, p99", "{:.0f} µs", "≤ 60 µs"),
    "match.us_mean_100k": ("among 100,000, mean", "{:.0f} µs", "≤ 120 µs"),
    "match.naive_over_ours_10k": ("a naive evaluator takes, among 10,000", "{:.0f} times", "≥ 60 times"),
    "match.us_decision_10k": ("a complete decision with its explanation", "{:.0f} µs", "≤ 150 µs"),
    "match.us_flip": ("a service becomes full, or has a place again", "{:.1f} µs", "≤ 5 µs"),
    "match.bytes_per_service": ("memory of the index per service", "{:.0f} bytes", ""),
    "match.returning_pct_mean": (
        "matching with places that become free again, in % of hindsight, mean",
        "{:.2f} %",
        "≥ 80 %",
    ),
    "match.returning_pct_min": ("the same, the worst seed", "{:.2f} %", "≥ 77 %"),
    "match.returning_pct_greedy": ("greedy matching with a first-come waiting list, on the same", "{:.1f} %", ""),
    "match.critical_unmet_pct": ("critical needs unmet", "{:.1f} %", "≤ 13 %"),
    "match.critical_unmet_pct_greedy": ("the same, greedy", "{:.1f} %", ""),
    "match.group_gap_points": ("gap of the minority served, relative to hindsight", "{:+.1f} points", "≤ +2"),
    "match.quota_pct": ("a yearly quota, in % of hindsight", "{:.1f} %", "≥ 95 %"),
    "match.quota_pct_priced": ("the same, greedy minus the price of the place", "{:.1f} %", ""),
}


FAULTS = {
    "kills at named points": ("services killed at every step, again and again", "≤ 11 s"),
    "an instance frozen past its session": ("an instance frozen past its session", "≤ 15 s"),
    "kafka killed": ("Kafka killed", "≤ 10 s"),
    "kafka away for half a minute": ("Kafka away for half a minute", "≤ 15 s"),
    "mongo killed": ("MongoDB killed", "≤ 5 s"),
    "mongo away for half a minute": ("MongoDB away for half a minute", ""),
    "network dark for 15 s": ("all connections silent for 15 s", ""),
    "everything killed, and the services start first": ("all killed at once, in any order back", "≤ 30 s"),
}
"""The faults that have a row of their own: the time from the end of the fault until a new referral is offered."""


def _faults(results: dict[str, Any]) -> Iterator[Row]:
    runs, failed = (sum(each[count] for each in results.values()) for count in ("runs", "failed"))
    yield f"`make faults`: {len(results)} faults under load, {runs} runs", f"{failed} wrong", "0 wrong"
    for name, (meaning, target) in FAULTS.items():
        if times := results.get(name, {}).get("offered_s"):
            worst = f"{times['worst']:.1f} s"
            measured = worst if results[name]["recovered"] == 1 else f"{times['median']:.1f} s, at worst {worst}"
            yield f"{meaning}: first offer after it", measured, target


def table(build: Path) -> str:
    """The table as Markdown, with the machine if it is known."""
    lines = ["| | measured | target |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows(build))]
    if bench := _read(build / "bench.json"):
        machine = bench["machine"]
        lines += [
            "",
            f"On {machine.get('cores', '?')} shared cores, Python {machine['python']}, everything on one machine.",
        ]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any] | None:
    result: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return result


if __name__ == "__main__":
    text = README.read_text()
    if not BETWEEN.search(text):
        sys.exit("tests/README.md has no place for the table: add the lines <!-- make results --> and <!-- end -->")
    README.write_text(BETWEEN.sub(lambda _: table(BUILD), text))
