"""Chooses the services for a need. Recommendations and real needs take the same way.

`choose` is the whole way, one stage after another: eligible, with a free place, not ahead of the waiting list, scored,
chosen.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from contracts.matching import FunnelStep
from contracts.words import Rule

from ..directory.index import Excluded, Found, left_after
from ..model.entry import DirectoryEntry
from ..ranking import score
from ..ranking.candidate import Candidate
from ..ranking.net_value import FREE, Charges
from ..waitlist.queue import Waiter, patience_over, would_rather_wait
from .context import Moment


class Choice(NamedTuple):
    """What `choose` found for a need.

    `chosen` are the services to offer it to and `ranked` all that have a place for it, both best first.
    `without_place` can take it but have no place for it; those that have no place for anybody are in `excluded`.
    `funnel` counts the services left after each rule. `charges` are what places cost; nothing once the need's patience
    is over. `waiter` is the need as the waiting list ranks it.
    """

    waiter: Waiter
    chosen: list[Candidate]
    ranked: list[Candidate]
    without_place: list[Candidate]
    excluded: Excluded
    funnel: list[FunnelStep]
    charges: Charges

    @property
    def closed(self) -> list[Candidate]:
        """All services that can take the need and have no place for it, unscored, with the number of free places.

        A service that reported that it is full counts as 0 free places, however many of its places we count as free.
        """
        unknown = self.excluded.unknown()
        excluded = (Candidate(entry, 0, unknown.get(entry.id, _NONE)) for entry in self.excluded.entries())
        return [*self.without_place, *excluded]


_NONE: list[Rule] = []


def choose(waiter: Waiter, match_id: str, moment: Moment) -> Choice:
    """The services for a need in its next attempt; `match_id` is the id that its match will have."""
    now, context, limits = moment
    need = waiter.need

    full = context.full_services.for_need(need)
    search = context.directory.find(waiter.case(now, limits.retry_after), full.reported | full.taken)
    waiter = _with_options(waiter, search, moment)

    eligible = _with_free_counts(waiter, match_id, search, moment)
    with_place = [each for each in eligible if each.free >= need.places]
    without_place = [each for each in eligible if each.free < need.places]
    available = _not_ahead_of_waiting_list(waiter, with_place, moment)
    without_place += _without(with_place, available)
    if need.held_back:  # waits like any other need, but takes no place and stands in nobody's way
        without_place += [each._replace(free=0) for each in available]
        available = []

    charges = FREE if patience_over(waiter, now, limits) else context.charges
    ranked = score.rank(need, available, charges.prices)
    chosen = score.best_of_each_provider(ranked, limits.at_once[need.urgency])
    funnel = _whole_funnel(search, full.reported, len(available))
    return Choice(waiter, chosen, ranked, without_place, search.excluded, funnel, charges)


def _with_options(waiter: Waiter, search: Found, moment: Moment) -> Waiter:
    """The need with its options counted, as far as anybody waits whom it could be compared with."""
    if not moment.context.waiting_queues or waiter.options is not None:
        return waiter
    return waiter._replace(options=search.steps[-1].left)


def _with_free_counts(waiter: Waiter, match_id: str, search: Found, moment: Moment) -> list[Candidate]:
    free, need, unknown = moment.context.places.free, waiter.id, search.unknown
    return [Candidate(entry, free(entry, need, match_id), unknown.get(entry.id, _NONE)) for entry in search.entries]


def _not_ahead_of_waiting_list(waiter: Waiter, candidates: list[Candidate], moment: Moment) -> list[Candidate]:
    context = moment.context
    if not context.waiting_queues and not context.charges.used_up:
        return candidates
    return [each for each in candidates if has_turn(waiter, each.entry, each.free, moment)]


def has_turn(waiter: Waiter, entry: DirectoryEntry, free: int, moment: Moment) -> bool:
    """Whether enough of the free places are left for the need once all waiting needs ahead of it have theirs.

    Not where the need itself would rather wait than pay for the place. Waiting needs that take more places than are
    free are served later: places are not kept empty for them in the meantime, except by the `household_reserve`.
    """
    now, context, limits = moment
    if would_rather_wait(waiter, entry, now, limits, context.charges):
        return False
    for each in context.waiting_queues.ahead_of(waiter, entry, now, limits):
        if each.need.places <= free:
            free -= each.need.places
        elif context.household_reserve.keeps(each, entry, now, limits):
            return False
        if free < waiter.need.places:
            return False
    return True


def count_ahead(waiter: Waiter, entry: DirectoryEntry, moment: Moment) -> int:
    """How many waiting needs this service must serve before this one."""
    return len(moment.context.waiting_queues.ahead_of(waiter, entry, moment.now, moment.limits))


def _without(candidates: Sequence[Candidate], left_out: Sequence[Candidate]) -> list[Candidate]:
    if len(candidates) == len(left_out):
        return []
    ids = _ids(left_out)
    return [each for each in candidates if each.entry.id not in ids]


def _ids(candidates: Iterable[Candidate]) -> set[str]:
    return {each.entry.id for each in candidates}


def _whole_funnel(search: Found, reported_full: int, available: int) -> list[FunnelStep]:
    """The directory's steps, then the services that have not reported that they are full, then those with a place."""
    eligible = search.steps[-1].left
    if not eligible:
        return search.steps
    not_full = eligible - (search.excluded.bits & reported_full).bit_count()
    funnel = [*search.steps, left_after(Rule.FULL, not_full)]
    if not_full:
        funnel.append(left_after(Rule.PLACE, available))
    return funnel
