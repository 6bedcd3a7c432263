"""The report of the fault tests, and how README shows it."""

import json
import re
from pathlib import Path

from tests.tools import readme_results

from .report import Report


def test_runs_of_a_fault_are_counted_and_their_times_summed_up(tmp_path: Path) -> None:
    report, file = Report(), tmp_path / "faults.json"
    runs = report.faults["kafka killed"]
    runs.begun = 4
    for offered, settled in ((1.04, 2), (9.06, 20), (3, 7)):
        runs.recovered(offered, settled)
    report.write(file)
    assert json.loads(file.read_text())["faults"]["kafka killed"] == {
        "runs": 4,
        "recovered": 3,
        "failed": 1,
        "offered_s": {"median": 3, "worst": 9.1},
        "settled_s": {"median": 7, "worst": 20},
    }


def test_faults_that_were_not_run_again_keep_their_results(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    for name in ("one", "other"):
        report = Report()
        report.faults[name].begun = 1
        report.write(file)
    assert json.loads(file.read_text())["faults"].keys() == {"one", "other"}


def test_readme_has_a_row_of_all_runs_and_the_times_of_some(tmp_path: Path) -> None:
    report = Report()
    for name, times in {"kafka killed": [2.0], "mongo killed": [1.0, 4.0], "something else": []}.items():
        report.faults[name].begun = max(1, len(times))
        for seconds in times:
            report.faults[name].recovered(seconds, seconds)
    report.write(tmp_path / "faults.json")
    assert list(readme_results.rows(tmp_path)) == [
        ("`make faults`: 3 faults under load, 4 runs", "1 wrong", "0 wrong"),
        ("Kafka killed: first offer after it", "2.0 s", "≤ 10 s"),
        ("MongoDB killed: first offer after it", "2.5 s, at worst 4.0 s", "≤ 5 s"),
    ]


def test_every_fault_in_readme_has_a_test() -> None:
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    names = re.findall(r'here\.busy\(\s*f?"([^"]+)"', tests)
    tested = {name.replace("{name}", server) for name in names for server in ("kafka", "mongo")}
    assert readme_results.FAULTS.keys() <= tested
