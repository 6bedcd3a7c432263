"""Cohorts of loop closure taken together, to compare or print them as one."""

from collections import Counter
from collections.abc import Iterable

from services.outcomes.domain.loop_closure import MEASURED_TIMES, Closure


def merged(parts: Iterable[Closure]) -> Closure:
    """Several cohorts as one."""
    whole = Closure()
    for part in parts:
        whole = Closure(
            whole.needs + part.needs,
            whole.ended + part.ended,
            whole.reported + part.reported,
            {until: sorted([*whole.seconds.get(until, ()), *part.seconds.get(until, ())]) for until in MEASURED_TIMES},
            Counter(whole.reroutes) + Counter(part.reroutes),
        )
    return whole
