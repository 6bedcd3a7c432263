"""Whether the loop was closed, and how long it took: measured from what is journaled, need by need, never assumed.

The loop of a need is closed when it has ended and its agency was told so (`NeedTimeline.end_told`: a status that is known
never to have arrived was not told). The cohort is by the day on which a need was sent; open ones are shown as open.
Times count from when the need was sent, and are of those that have them: median and 90th percentile, no mean. A first
answer is the first that any provider gives, an acknowledgement or a decision; the first offer and the first decision
are reported as well.
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
_TIMES = {"offer": "offered_at", "answer": "answered_at", "decision": "decided_at", "end": "ended_at"}


@dataclass(frozen=True, slots=True)
class Closure:
    """Needs of one urgency. `seconds` are sorted, by what they count to; `reroutes` counts ended needs by re-routes."""

    needs: int = 0
    ended: int = 0
    told: int = 0
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    reroutes: Mapping[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """The share of ended needs whose end was told; None where none has ended."""
        return self.told / self.ended if self.ended else None

    def quantiles(self, until: str) -> tuple[float, float] | None:
        """Median and 90th percentile of the seconds to one of `_TIMES`; None where none are."""
        return quantiles(self.seconds.get(until, ()))


def closure(state: NeedTimeline) -> dict[str, Any]:
    """The part of a need's row that is measured. No person in it."""
    top = state.top
    found: dict[str, Any] = {
        "urgency": state.described[-1].urgency if state.described else None,
        "answered_at": _text(state.answered_at),
        "decided_at": _text(state.decided_at),
    }
    ended = top is not None and top.ended
    if ended or state.answered_at is not None:
        found["offered_at"] = _text(state.offered_at)  # no earlier: an offer alone is not worth writing the row for
    if top is not None and ended:
        # No earlier: the attempts of a need that is open change all the time, and would be written each time.
        found |= {"ended_at": _text(top.at), "attempts": state.attempts, "told": state.end_told}
    return found


def measure(rows: Iterable[Row], now: datetime, days: int) -> dict[Urgency, Closure]:
    """The needs that were sent in the last so many days, by urgency."""
    cohorts: dict[Urgency, list[Row]] = defaultdict(list)
    for row in rows:
        sent_at, urgency = row["sent_at"], row.get("closure", {}).get("urgency")
        if sent_at and urgency and now - timedelta(days=days) < datetime.fromisoformat(sent_at) <= now:
            cohorts[Urgency(urgency)].append(row)
    return {urgency: _measured(cohorts.get(urgency, [])) for urgency in Urgency}


def together(parts: Iterable[Closure]) -> Closure:
    """Several as one."""
    found = Closure()
    for part in parts:
        found = Closure(
            found.needs + part.needs,
            found.ended + part.ended,
            found.told + part.told,
            {until: sorted([*found.seconds.get(until, ()), *part.seconds.get(until, ())]) for until in _TIMES},
            Counter(found.reroutes) + Counter(part.reroutes),
        )
    return found


def quantiles(seconds: Sequence[float]) -> tuple[float, float] | None:
    """Median and 90th percentile; None of nothing."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else None
    return statistics.median(seconds), statistics.quantiles(seconds, n=10, method="inclusive")[8]


def _measured(rows: Sequence[Row]) -> Closure:
    ended = [row["closure"] for row in rows if "ended_at" in row["closure"]]
    return Closure(
        needs=len(rows),
        ended=len(ended),
        told=sum(each["told"] for each in ended),
        seconds={
            until: sorted(
                (datetime.fromisoformat(at) - datetime.fromisoformat(row["sent_at"])).total_seconds()
                for row in rows
                if (at := row["closure"].get(name)) is not None
            )
            for until, name in _TIMES.items()
        },
        reroutes=Counter(max(0, each["attempts"] - 1) for each in ended),
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
