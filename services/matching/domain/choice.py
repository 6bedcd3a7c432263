"""Which service a need would have now: one way for needs that are to be placed and for those only asked about."""

from datetime import datetime
from typing import NamedTuple

from contracts.matching import FunnelStep
from contracts.words import Rule

from ..capacity.places import service_of
from ..directory.index import Found, left_after
from ..model.entry import DirectoryEntry
from ..model.limits import Limits
from ..ranking import score
from ..ranking.net_value import FREE, Charges
from ..ranking.score import Ranked
from ..waitlist.queue import Waiter, patience_over, would_rather_wait
from .context import MatchingContext


class Choice(NamedTuple):
    """`ranked`: services that have a place for the need, best first. `steps` is the elimination funnel.

    `short`: who could take it and may have a place, yet none for it. Of `found` are also those that have none at all.
    `charges` is what was charged and expected: nothing, once its patience is over. `waiter` is the need as it stands
    among those who wait.
    """

    waiter: Waiter
    ranked: list[Ranked]
    short: list[tuple[DirectoryEntry, int]]
    steps: list[FunnelStep]
    found: Found
    charges: Charges

    @property
    def full(self) -> list[tuple[DirectoryEntry, int]]:
        """Who could take the need and has no place for it, with how many places are free there.

        Who has said "no capacity" of an entry (`marks`) is full, however many of its places we count as free.
        """
        return [*self.short, *((entry, 0) for entry in self.found.apart.entries())]

    @property
    def unknown(self) -> dict[str, list[Rule]]:
        """Of all services that could take the need: their rules of which nobody can tell whether it meets them."""
        return self.found.unknown | self.found.apart.unknown()


def choose(waiter: Waiter, match: str, now: datetime, context: MatchingContext, limits: Limits) -> Choice:
    """What there is for a need in its next attempt, whose match is to have this id."""
    need, places = waiter.need, context.places
    said, taken = context.full.of(need.category)
    for row in places.held(need.need_id):  # what it holds is not taken from it
        taken &= ~context.directory.bit(need.category, service_of(row))
    found = context.directory.find(waiter.case(now, limits.retry_after), said | taken)
    steps, count = found.steps, found.steps[-1].left
    if context.lines and waiter.options is None:
        waiter = waiter._replace(options=count)
    contested = context.lines or context.charges.used_up  # else what is free is there to be had
    open_: list[tuple[DirectoryEntry, int]] = []
    short: list[tuple[DirectoryEntry, int]] = []
    for entry in found.entries:
        free = places.free(entry, need.need_id, match)
        has = free >= need.places and (not contested or available(waiter, entry, free, now, context, limits))
        (open_ if has else short).append((entry, free))
    unsaid = count - (found.apart.bits & said).bit_count()
    if count:
        steps.append(left_after(Rule.FULL, unsaid))
    if unsaid:
        steps.append(left_after(Rule.PLACE, len(open_)))
    charges = FREE if patience_over(waiter, now, limits) else context.charges.for_match(match)
    ranked = score.rank(need, open_, found.unknown, charges.prices, charges.learned)
    return Choice(waiter, ranked, short, steps, found, charges)


def none_left(steps: list[FunnelStep]) -> list[FunnelStep]:
    """The funnel as it is where all places are taken."""
    return [each.model_copy(update={"left": 0}) if each.rule is Rule.PLACE else each for each in steps]


def before(waiter: Waiter, entry: DirectoryEntry, now: datetime, context: MatchingContext, limits: Limits) -> int:
    """How many needs that wait for this service rank above this one."""
    return len(context.lines.above(waiter, entry, now, limits))


def available(
    waiter: Waiter, entry: DirectoryEntry, free: int, now: datetime, context: MatchingContext, limits: Limits
) -> bool:
    """Whether of the free places, enough for the need, enough are left when all who rank above it here have had theirs.

    Not where the need itself would rather wait than pay for the place.

    Who waits for more places than are free is served later: meanwhile the places are not kept empty, save for those
    `_keeps` speaks of.
    """
    wanted = waiter.need.places
    if would_rather_wait(waiter, entry, now, limits, context.charges):
        return False
    for each in context.lines.above(waiter, entry, now, limits):
        if each.need.places <= free:
            free -= each.need.places
        elif _keeps(each, entry, now, context, limits):
            return False
        if free < wanted:
            return False
    return True


def _keeps(waiter: Waiter, entry: DirectoryEntry, now: datetime, context: MatchingContext, limits: Limits) -> bool:
    """Whether places are kept empty here until there are enough for all of a household.

    Else single people would take each place that is returned, and a family never be served. Only once its patience is
    over, and at one service only, the largest that can take it: it must not empty a whole region. Not where nobody is
    sent anyway, since the service has said "no capacity".
    """
    if waiter.need.places == 1 or not patience_over(waiter, now, limits):
        return False
    if waiter.id not in context.kept:
        found = context.directory.find(waiter.case(now, limits.retry_after)).entries
        able = [each for each in found if not context.marks.full(each)]
        context.kept[waiter.id] = max(able, key=lambda each: (each.capacity, each.id)).id if able else ""
    return context.kept[waiter.id] == entry.id
