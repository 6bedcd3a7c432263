"""``make results``: what `make simulate`, `make faults` and `make bench` last found, as the table in README."""

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
"""What was asked, what was found, and what is wanted."""


def rows(build: Path) -> Iterator[Row]:
    """Of whatever has been run."""
    if found := _read(build / "simulate.json"):
        yield f"`make simulate`: {found['seeds']:,} seeds", f"{found['wrong']} wrong, {found['seconds']} s", "0 wrong"
    if found := _read(build / "faults.json"):
        yield from _faults(found["faults"])
    if found := _read(build / "month.json"):
        yield from _month(found)
    if found := _read(build / "bench.json"):
        figures = found["figures"]
        for name, (what, form, wanted) in FIGURES.items():
            if name in figures:
                yield what, form.format(figures[name]), wanted


def _month(found: dict[str, Any]) -> Iterator[Row]:
    needs = found["needs"]
    rate = f"{found['closure_rate']:.1%}"
    yield f"`make month`: ends told, of {needs} needs at the field's acceptance rates", rate, "100.0%"
    for name, what in (("answer_h", "time to first answer"), ("close_h", "time to close")):
        median, p90 = found[name]
        yield f"the same, {what}, median and p90", f"{median:.0f} h, {p90:.0f} h", ""
    yield "the same, re-routes a need", f"{found['reroutes'] / needs:.2f}", ""


FIGURES = {
    "step.first_over_raw": ("first event of a stream, speed beside raw bytes", "{:.3f}", "≥ 0.40"),
    "step.warm_over_raw": ("a stream in the cache, beside raw", "{:.3f}", "≥ 0.50"),
    "step.cold_over_raw": ("a stream not in the cache, beside raw", "{:.3f}", "≥ 0.33"),
    "step.first_over_naive": ("first event, beside a handler as documentation writes it", "{:.1f} times", "≥ 20 times"),
    "step.first_cpu_us": ("own CPU of a first event", "{:.0f} µs", "≤ 110 µs"),
    "gate.over_raw": ("the gate with sealing, beside raw", "{:.3f}", ""),
    "journal.growth_1e3_1e5": ("a step at 10⁵ streams, cost beside 10³", "{:.2f}", "≤ 1.3"),
    "journal.growth_1e3_1e6": ("a step at 10⁶ streams, cost beside 10³", "{:.2f}", "≤ 1.3"),
    "flow.closed_per_s": ("referrals closed a second, all on this machine", "{:.0f}", ""),
    "flow.p50_ms_at_20": ("publication to the provider's notification at 20 a second, median", "{:.0f} ms", ""),
    "flow.p99_ms_at_20": ("the same, p99", "{:.0f} ms", ""),
    "flow.p99_ms_at_100": ("at 100 a second, p99", "{:.0f} ms", ""),
    "match.us_mean_10k": ("matching: filter, funnel and rank among 10,000 services, mean", "{:.0f} µs", "≤ 25 µs"),
    "match.us_p99_10k": ("the same, p99", "{:.0f} µs", "≤ 60 µs"),
    "match.us_mean_100k": ("among 100,000, mean", "{:.0f} µs", "≤ 120 µs"),
    "match.naive_over_ours_10k": ("a naive evaluator, beside it, among 10,000", "{:.0f} times", "≥ 60 times"),
    "match.us_decision_10k": ("a whole decision with its explanation", "{:.0f} µs", "≤ 150 µs"),
    "match.us_flip": ("a service says that it is full, or free", "{:.1f} µs", "≤ 5 µs"),
    "match.bytes_per_service": ("memory of the index, a service", "{:.0f} bytes", ""),
    "match.returning_pct_mean": ("matching, returning places, in % of hindsight, mean", "{:.2f} %", "≥ 80 %"),
    "match.returning_pct_min": ("the same, the worst seed", "{:.2f} %", "≥ 77 %"),
    "match.returning_pct_greedy": ("greedy with a first-come list on the same", "{:.1f} %", ""),
    "match.critical_unmet_pct": ("critical needs unmet", "{:.1f} %", "≤ 13 %"),
    "match.critical_unmet_pct_greedy": ("the same, greedy", "{:.1f} %", ""),
    "match.group_gap_points": ("gap of the minority served, beside that of hindsight", "{:+.1f} points", "≤ +2"),
    "match.quota_pct": ("a yearly quota, in % of hindsight", "{:.1f} %", "≥ 95 %"),
    "match.quota_pct_priced": ("the same, greedy less the price of the place", "{:.1f} %", ""),
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
"""Of how long it took from the end of the fault until a new referral was offered. All are in build/faults.json."""


def _faults(found: dict[str, Any]) -> Iterator[Row]:
    runs, failed = (sum(each[count] for each in found.values()) for count in ("runs", "failed"))
    yield f"`make faults`: {len(found)} faults under load, {runs} runs", f"{failed} wrong", "0 wrong"
    for name, (what, wanted) in FAULTS.items():
        if times := found.get(name, {}).get("offered_s"):
            worst = f"{times['worst']:.1f} s"
            said = worst if found[name]["recovered"] == 1 else f"{times['median']:.1f} s, at worst {worst}"
            yield f"{what}: first offer after it", said, wanted


def table(build: Path) -> str:
    """Markdown; says on which machine, when it is known."""
    lines = ["| | measured | target |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows(build))]
    if found := _read(build / "bench.json"):
        machine = found["machine"]
        lines += [
            "",
            f"On {machine.get('cores', '?')} shared cores, Python {machine['python']}, everything on one machine.",
        ]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


if __name__ == "__main__":
    text = README.read_text()
    if not BETWEEN.search(text):
        sys.exit("README.md has no place for it: <!-- make results --> … <!-- end -->")
    README.write_text(BETWEEN.sub(lambda _: table(BUILD), text))
