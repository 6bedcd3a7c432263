"""Results of `make faults`, by fault, for ``build/faults.json`` and the table (`tests/tools/readme_results.py`)."""

import json
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULT = Path("build/faults.json")


@dataclass
class Runs:
    """The runs of one fault. Times are of the runs that recovered, in seconds."""

    begun: int = 0
    offered: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)

    def recovered(self, offered: float, settled: float) -> None:
        """Note the seconds until a new referral was offered, and until all needs had ended."""
        self.offered.append(offered)
        self.settled.append(settled)

    def summary(self) -> dict[str, Any]:
        """Counts and times for JSON, without times if nothing recovered."""
        recovered = len(self.settled)
        counts = {"runs": self.begun, "recovered": recovered, "failed": self.begun - recovered}
        times = {"offered_s": self.offered, "settled_s": self.settled}
        return counts | {name: _spread(each) for name, each in times.items() if each}


class Report:
    """All faults of one run of the tests."""

    def __init__(self) -> None:
        self.faults: dict[str, Runs] = defaultdict(Runs)

    def write(self, to: Path = RESULT) -> None:
        """Write the results; faults that were not run keep their last ones."""
        before = json.loads(to.read_text())["faults"] if to.exists() else {}
        now = {name: runs.summary() for name, runs in self.faults.items()}
        to.parent.mkdir(exist_ok=True)
        to.write_text(json.dumps({"faults": before | now}, indent=1) + "\n")


def _spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 1), "worst": round(max(seconds), 1)}
