"""Which service a need would have now: one way for needs that are to be placed and for those only asked about."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.matching import Eliminated
from contracts.words import Rule

from . import ranking
from .entry import Entry
from .index import left_after
from .limits import Limits
from .outside import Given
from .ranking import Ranked
from .waiting import Waiter, patience_over


@dataclass(frozen=True, slots=True)
class Choice:
    """`ranked`: services that have a place for the need, best first. `full`: who could take it, and have none for it.

    Who has said "no capacity" of an entry (`marks`) is full, however many of its places we count as free.
    `steps` is the elimination funnel; `unknown` as in `index.Found`.
    """

    ranked: list[Ranked]
    full: list[tuple[Entry, int]]
    steps: list[Eliminated]
    unknown: Mapping[str, list[Rule]]


def choose(waiter: Waiter, match: str, now: datetime, given: Given, limits: Limits) -> Choice:
    """What there is for a need in its next attempt, whose match is to have this id."""
    need = waiter.need
    eligible, steps, unknown = given.directory.find(waiter.case(now, limits.retry_after))
    if waiter.options is None:
        waiter = replace(waiter, options=len(eligible))
    open_: list[tuple[Entry, int]] = []
    full: list[tuple[Entry, int]] = []
    said, has_said, free_at = 0, given.marks.full, given.places.free
    for entry in eligible:
        if has_said(entry):
            said += 1
            full.append((entry, 0))
            continue
        free = free_at(entry, need.need_id, match)
        has = free >= need.places and available(waiter, entry, free, now, given, limits)
        (open_ if has else full).append((entry, free))
    if eligible:
        steps.append(left_after(Rule.FULL, len(eligible) - said))
    if len(eligible) > said:
        steps.append(left_after(Rule.PLACE, len(open_)))
    return Choice(ranking.rank(need, open_, unknown), full, steps, unknown)


def none_left(steps: list[Eliminated]) -> list[Eliminated]:
    """The funnel as it is where all places are taken."""
    return [each.model_copy(update={"left": 0}) if each.rule is Rule.PLACE else each for each in steps]


def before(waiter: Waiter, entry: Entry, now: datetime, given: Given, limits: Limits) -> int:
    """How many needs that wait for this service rank above this one."""
    return len(given.lines.above(waiter, entry, now, limits))


def available(waiter: Waiter, entry: Entry, free: int, now: datetime, given: Given, limits: Limits) -> bool:
    """Whether of the free places, enough for the need, enough are left when all who rank above it here have had theirs.

    Who waits for more places than are free is served later: meanwhile the places are not kept empty, save for those
    `_keeps` speaks of.
    """
    wanted = waiter.need.places
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
        found = given.directory.find(waiter.case(now, limits.retry_after)).entries
        able = [each for each in found if not given.marks.full(each)]
        given.kept[waiter.id] = max(able, key=lambda each: (each.service.capacity, each.id)).id if able else ""
    return given.kept[waiter.id] == entry.id
