"""Loop closure: whether agencies learnt how their needs ended, and how long it took. Measured, never assumed.

The loop of a need is closed when it has ended and its agency was sent that status (`NeedTimeline.end_reported`). A
status known not to have arrived does not count. The cohort is by the day on which a need was sent; open needs are part
of it. Times count from when the need was sent, over the needs that have them: median and 90th percentile, no mean. The
first answer is the first that any provider gives, an acknowledgement or a decision. The first offer and the first
decision are measured as well.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.words import Urgency

from .state import NeedTimeline

Row = Mapping[str, Any]
MEASURED_TIMES = {"offer": "offered_at", "answer": "answered_at", "decision": "decided_at", "end": "ended_at"}
"""What times are measured to, with the field of the row."""


@dataclass(frozen=True, slots=True)
class Closure:
    """The needs of one urgency: how many, how many have ended, and of how many of these the end was reported.

    `seconds` are sorted, by what they are measured to. `reroutes` counts ended needs by their number of re-routes.
    """

    needs: int = 0
    ended: int = 0
    reported: int = 0
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    reroutes: Mapping[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """The share of ended needs whose end was reported; None if none has ended."""
        return self.reported / self.ended if self.ended else None

    def quantiles(self, until: str) -> tuple[float, float] | None:
        """Median and 90th percentile of the seconds to one of `MEASURED_TIMES`; None if there are none."""
        return quantiles(self.seconds.get(until, ()))


def closure(state: NeedTimeline) -> dict[str, Any]:
    """The part of a need's row that loop closure is measured from. It holds no personal data."""
    top = state.top
    row: dict[str, Any] = {
        "urgency": state.descriptions[-1].urgency if state.descriptions else None,
        "answered_at": _text(state.answered_at),
        "decided_at": _text(state.decided_at),
    }
    ended = top is not None and top.ended
    if ended or state.answered_at is not None:
        row["offered_at"] = _text(state.offered_at)  # not before: an offer alone is not worth another write
    if top is not None and ended:
        # Not before: the attempts of an open need change often, and each change would be another write.
        row |= {"ended_at": _text(top.at), "attempts": state.attempts, "told": state.end_reported}
    return row


def measure(rows: Iterable[Row], now: datetime, days: int) -> dict[Urgency, Closure]:
    """The needs that were sent in the last `days` days, by urgency."""
    cohorts: dict[Urgency, list[Row]] = defaultdict(list)
    for row in rows:
        sent_at, urgency = row["sent_at"], row.get("closure", {}).get("urgency")
        if sent_at and urgency and now - timedelta(days=days) < datetime.fromisoformat(sent_at) <= now:
            cohorts[Urgency(urgency)].append(row)
    return {urgency: _measure_cohort(cohorts.get(urgency, [])) for urgency in Urgency}


def quantiles(seconds: Sequence[float]) -> tuple[float, float] | None:
    """Median and 90th percentile; None if there are no values."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else None
    return statistics.median(seconds), statistics.quantiles(seconds, n=10, method="inclusive")[8]


def _measure_cohort(rows: Sequence[Row]) -> Closure:
    ended = [row["closure"] for row in rows if "ended_at" in row["closure"]]
    return Closure(
        needs=len(rows),
        ended=len(ended),
        reported=sum(each["told"] for each in ended),
        seconds={until: _seconds_to(name, rows) for until, name in MEASURED_TIMES.items()},
        reroutes=Counter(max(0, each["attempts"] - 1) for each in ended),
    )


def _seconds_to(name: str, rows: Sequence[Row]) -> list[float]:
    """From when each need was sent to a time in its row, sorted; for the rows that have that time."""
    times = [(row["sent_at"], row["closure"].get(name)) for row in rows]
    return sorted(
        (datetime.fromisoformat(at) - datetime.fromisoformat(sent_at)).total_seconds()
        for sent_at, at in times
        if at is not None
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
