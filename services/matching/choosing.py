"""Which service a need would have now: one way for needs that are to be placed and for those only asked about."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime

from contracts.matching import Eliminated
from contracts.words import Rule

from . import places, ranking
from .directory import Entry
from .eligibility import funnel
from .limits import Limits
from .outside import Given
from .ranking import Ranked
from .waiting import Waiter, precedence


@dataclass(frozen=True, slots=True)
class Choice:
    """`ranked`: services that have a place for the need, best first. `full`: who could take it, and have none for it.

    `steps` is the elimination funnel.
    """

    ranked: list[Ranked]
    full: list[tuple[Entry, int]]
    steps: list[Eliminated]


def choose(waiter: Waiter, attempt: int, now: datetime, given: Given, limits: Limits) -> Choice:
    """What there is for a need in its next attempt."""
    need = waiter.need
    match = places.match_id(need.need_id, attempt)
    eligible, steps = funnel(waiter.case(now, limits.retry_after), given.directory.of(need.category))
    offers = [(entry, given.places.free(entry, need.need_id, match)) for entry in eligible]
    open_ = {entry.id for entry, free in offers if _available(waiter, entry, free, now, given, limits)}
    ranked = ranking.rank(need, (each for each in offers if each[0].id in open_))
    if eligible:
        steps.append(Eliminated(rule=Rule.PLACE, left=len(ranked)))
    return Choice(ranked, [each for each in offers if each[0].id not in open_], steps)


def before(waiter: Waiter, entry: Entry, now: datetime, given: Given, limits: Limits) -> int:
    """How many needs that wait for this service rank above this one."""
    line = given.lines.of(entry, now, limits)
    above = bisect_left(line, (precedence(waiter, now, limits.patience),))
    return sum(each.id != waiter.id for _, each in line[:above])


def _available(waiter: Waiter, entry: Entry, free: int, now: datetime, given: Given, limits: Limits) -> bool:
    """Whether a place is left when all who wait for this service and rank above the need have had theirs."""
    if free == 0:
        return False
    line = given.lines.of(entry, now, limits)
    above = bisect_left(line, (precedence(waiter, now, limits.patience),))
    # The need may stand in the line itself, so one more than there are places has to be looked at.
    return sum(each.id != waiter.id for _, each in line[: min(above, free + 1)]) < free
