"""Which service a need would have now: one way for needs that are to be placed and for those only asked about."""

from dataclasses import dataclass, replace
from datetime import datetime

from contracts.matching import Eliminated
from contracts.words import Rule

from . import places, ranking
from .directory import Entry
from .eligibility import failing, funnel
from .limits import Limits
from .outside import Given
from .ranking import Ranked
from .waiting import Waiter, patience_over, would_rather_wait


@dataclass(frozen=True, slots=True)
class Choice:
    """`ranked`: services that have a place for the need, best first. `full`: who could take it, and have none for it.

    Who has said "no capacity" of an entry (`marks`) is full, however many of its places we count as free.
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
    if waiter.options is None:
        waiter = replace(waiter, options=len(eligible))
    said = {entry.id for entry in eligible if given.marks.full(entry)}
    offers = [(entry, 0 if entry.id in said else given.places.free(entry, need.need_id, match)) for entry in eligible]
    open_ = {entry.id for entry, free in offers if _available(waiter, entry, free, now, given, limits)}
    prices = {} if patience_over(waiter, now, limits) else given.charges.prices
    ranked = ranking.rank(need, (each for each in offers if each[0].id in open_), prices)
    if eligible:
        steps.append(Eliminated(rule=Rule.FULL, left=len(eligible) - len(said)))
    if len(eligible) > len(said):
        steps.append(Eliminated(rule=Rule.PLACE, left=len(ranked)))
    return Choice(ranked, [each for each in offers if each[0].id not in open_], steps)


def none_left(steps: list[Eliminated]) -> list[Eliminated]:
    """The funnel as it is where all places are taken."""
    return [each.model_copy(update={"left": 0}) if each.rule is Rule.PLACE else each for each in steps]


def before(waiter: Waiter, entry: Entry, now: datetime, given: Given, limits: Limits) -> int:
    """How many needs that wait for this service rank above this one."""
    return len(given.lines.above(waiter, entry, now, limits))


def _available(waiter: Waiter, entry: Entry, free: int, now: datetime, given: Given, limits: Limits) -> bool:
    """Whether enough places are left when all who wait for this service and rank above the need have had theirs.

    Not where the need itself would rather wait than pay for the place.

    Who waits for more places than are free is served later: meanwhile the places are not kept empty, save for those
    `_keeps` speaks of.
    """
    wanted = waiter.need.places
    if free < wanted or would_rather_wait(waiter, entry, now, limits, given.charges):
        return False
    for each in given.lines.above(waiter, entry, now, limits):
        if each.need.places <= free:
            free -= each.need.places
        elif _keeps(each, entry, now, given, limits):
            return False
        if free < wanted:
            return False
    return True


def _keeps(waiter: Waiter, entry: Entry, now: datetime, given: Given, limits: Limits) -> bool:
    """Whether places are kept empty here until there are enough for all of a household.

    Else single people would take each place that is returned, and a family never be served. Only once its patience is
    over, and at one service only, the largest that can take it: it must not empty a whole region. Not where nobody is
    sent anyway, since the service has said "no capacity".
    """
    if waiter.need.places == 1 or not patience_over(waiter, now, limits):
        return False
    if waiter.id not in given.kept:
        case = waiter.case(now, limits.retry_after)
        known = given.directory.of(waiter.need.category)
        able = [each for each in known if failing(case, each) is None and not given.marks.full(each)]
        given.kept[waiter.id] = max(able, key=lambda each: (each.service.capacity, each.id)).id if able else ""
    return given.kept[waiter.id] == entry.id
