"""What a decision saw beside what it chose, and what would have changed it. Pure; recorded with the decision.

It speaks in codes, ids and numbers, few enough to travel with a match; `wording` makes sentences of them. What is said
to change the choice is tried: with that one thing different, and all else as it was, the order is made again.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import Alternative, Counterfactual, DecisionRationale, Matched, PriceSet
from contracts.words import Behind, Change

from ..model.entry import DirectoryEntry
from ..model.limits import Limits
from ..ranking import score as ranking
from ..ranking.net_value import charges
from ..ranking.score import Ranked, Standing
from ..waitlist.queue import Waiter, would_rather_wait
from .choice import Choice, available, before
from .context import MatchingContext

MOST = 5
"""Services named beside those chosen."""
CHANGES = 3
"""Changes named. Places that were not free are no more than two of them where there is a match."""
_WEIGHTS = tuple(ranking.WEIGHTS.items())
_TRIES = 8
"""How many numbers of free places are tried where some of them would go to those who wait before."""


def weigh(
    choice: Choice, chosen: Sequence[Ranked], now: datetime, context: MatchingContext, limits: Limits
) -> DecisionRationale | None:
    """What is to be recorded of a choice; `chosen` is empty for a need that waits or is unmet.

    None where nothing was chosen and no service could take the need, had it places: the funnel says it all.
    """
    if not chosen and not choice.full:
        return None
    scene = _Scene(choice, chosen, limits.at_once[choice.waiter.need.urgency], now, context, limits)
    would, others = _closed(scene)
    ids = {each.entry.id for each in chosen}
    behind = [each for each in choice.ranked if each.entry.id not in ids] if chosen else []
    behind = behind[: MOST - len(would)]
    closed = [*(each for each, _ in would), *others][: MOST - len(behind)]
    named = [scene.behind(each) for each in behind] + [scene.closed(each) for each in closed]
    otherwise = [place for _, place in would]
    otherwise += islice(_changes(scene, behind), CHANGES - len(otherwise))
    return DecisionRationale(weights=ranking.WEIGHTS_VERSION, next=named, otherwise=otherwise)


def again(
    need: NeedRegistered,
    matches: Sequence[Matched],
    entries: Mapping[str, DirectoryEntry],
    price_set: PriceSet | None = None,
) -> list[str]:
    """Make a recorded choice again: the services, by id, of the matches that were made at once.

    `entries` are the directory's, by version; `price_set` is the recorded one, if there is one. `KeyError` names an
    entry that is missing; `ValueError`: without this price set, not made with the weights of now, or before such
    records were kept.
    """
    first = matches[0]
    if first.weighed is None or first.weighed.weights != ranking.WEIGHTS_VERSION:
        raise ValueError("recorded under other weights, or without what it takes to choose again")
    if first.price_set != (price_set and price_set.id):
        raise ValueError(f"made with the price set {first.price_set or '(none)'}: exactly that one is needed")
    charged = charges(price_set).for_match(first.match_id)
    seen = [(each.version, each.free or 0) for each in matches]
    seen += [(each.version, each.free) for each in first.weighed.next if not each.why.closed]
    offers = [(entries[version], free) for version, free in seen]
    ranked = ranking.rank(need, offers, prices=charged.prices, learned=charged.learned)
    return [each.entry.id for each in ranking.of_different_providers(ranked, len(matches))]


class _Full(NamedTuple):
    """A service without a place for the need: as if it had one, how many we counted, and why it has none."""

    as_if: Ranked
    free: int
    why: Behind


@dataclass(frozen=True, slots=True)
class _Scene:
    """A choice and what it was made from. `most` is how many services are asked at once."""

    choice: Choice
    chosen: Sequence[Ranked]
    most: int
    now: datetime
    context: MatchingContext
    limits: Limits

    @property
    def waiter(self) -> Waiter:
        """The need that was chosen for."""
        return self.choice.waiter

    def selects(self, other: Ranked) -> bool:
        """Whether this service would be among the chosen, if it stood as it is given here."""
        last = self._last_before(other)
        return last is None or other.standing < last

    def places(self, each: Ranked, at_least: int) -> int | None:
        """The fewest free places with which it would be chosen; None: with no number that it can have."""
        counts, last = range(at_least, each.entry.capacity + 1), self._last_before(each)

        def selects(free: int) -> bool:
            return last is None or ranking.as_if(each, free=free).standing < last

        if not counts or not selects(counts[-1]):
            return None
        fewest = bisect_left(counts, True, key=selects)
        tried = counts[fewest : fewest + _TRIES]
        waits = (self.waiter, each.entry)
        return next((n for n in tried if available(*waits, n, self.now, self.context, self.limits)), None)

    def why_closed(self, entry: DirectoryEntry, free: int) -> Behind:
        """Why a service has no place for the need."""
        if self.context.marks.full(entry):
            return Behind.SAID_FULL
        if free < self.waiter.need.places:
            return Behind.FULL
        kept = would_rather_wait(self.waiter, entry, self.now, self.limits, self.context.charges)
        return Behind.KEPT if kept else Behind.OTHERS_FIRST

    def behind(self, other: Ranked) -> Alternative:
        """A service with a place that was not chosen, as it is recorded."""
        rival = self._rival(other)
        worse = _worse(rival, other)
        return _alternative(rival, other, self._why(rival, other, worse), other.free, worse)

    def closed(self, full: _Full) -> Alternative:
        """A service without a place for the need, as it is recorded."""
        other = full.as_if
        rival = self._rival(other) if self.chosen else other
        return _alternative(rival, other, full.why, full.free, _worse(rival, other))

    def _why(self, rival: Ranked, other: Ranked, worse: Mapping[str, float]) -> Behind:
        if self.most > 1 and rival.entry.provider == other.entry.provider:
            return Behind.SAME_PROVIDER
        if other.seldom and not rival.seldom:
            return Behind.SELDOM_ACCEPTS
        if other.doubtful and not rival.doubtful:
            return Behind.ASSESS_FIRST
        if other.score >= rival.score and other.acceptance < rival.acceptance:
            return Behind.ACCEPTS_LESS
        return Behind.LOWER_SCORE if worse else Behind.EQUAL

    def _last_before(self, other: Ranked) -> Standing | None:
        """Whom it would have to stand before to be among the chosen; None: nobody."""
        others = [each for each in self.chosen if each.entry is not other.entry]
        rival = next((each for each in others if each.entry.provider == other.entry.provider), None)
        if rival is None and len(others) == self.most:
            rival = others[-1]
        return None if rival is None else rival.standing

    def _rival(self, other: Ranked) -> Ranked:
        """Which of the chosen it would have replaced."""
        same = (each for each in self.chosen if each.entry.provider == other.entry.provider)
        return next(same, self.chosen[-1])


def _closed(scene: _Scene) -> tuple[list[tuple[_Full, Counterfactual]], list[_Full]]:
    """Those without a place: first what would have been chosen with one, and how; then others. Both best first.

    They are compared as if each had as many places as the need takes.
    """
    wanted, full = scene.waiter.need.places, scene.choice.full
    counted = {entry.id: free for entry, free in full}
    unknown, charged = scene.choice.unknown, scene.choice.charges
    offers = ((entry, max(free, wanted)) for entry, free in full)
    ranked = ranking.rank(scene.waiter.need, offers, unknown, charged.prices, charged.learned)
    would: list[tuple[_Full, Counterfactual]] = []
    others: list[_Full] = []
    for as_if in ranked[:MOST]:
        free = counted[as_if.entry.id]
        each = _Full(as_if, free, scene.why_closed(as_if.entry, free))
        place = _place(scene, each) if len(would) < (2 if scene.chosen else CHANGES) else None
        if place is None:
            others.append(each)
        else:
            would.append((each, place))
    return would, others


def _place(scene: _Scene, full: _Full) -> Counterfactual | None:
    """What would have had it chosen."""
    as_if, free, why = full
    entry, wanted = as_if.entry, scene.waiter.need.places
    if why is Behind.KEPT:
        return None
    if why is Behind.OTHERS_FIRST:
        return Counterfactual(change=Change.TURN, service=entry.id) if scene.selects(as_if) else None
    unsaid = why is Behind.SAID_FULL or entry.capacity == 0
    if unsaid and before(scene.waiter, entry, scene.now, scene.context, scene.limits):
        return None  # a newer entry would also change for whom places are kept: who would have it can't be told
    if entry.capacity == 0:
        return None if scene.chosen else Counterfactual(change=Change.PLACE, service=entry.id, places=wanted)
    places = scene.places(as_if, max(free + 1, wanted))
    return None if places is None else Counterfactual(change=Change.PLACE, service=entry.id, places=places)


def _changes(scene: _Scene, behind: Sequence[Ranked]) -> Iterator[Counterfactual]:
    """What would have changed the choice among those that have a place, one of each kind."""
    found = (_unpreferred(scene), _assessed(scene, behind), _preferred(scene, behind), _emptier(scene, behind))
    for changes in found:
        yield from islice(changes, 1)


def _unpreferred(scene: _Scene) -> Iterator[Counterfactual]:
    preferred, chosen = scene.waiter.need.preferences.providers, scene.chosen
    if scene.most == 1 and chosen and chosen[0].entry.provider in preferred:
        left = {*preferred} - {chosen[0].entry.provider}
        best = min(ranking.as_if(each, preferred=each.entry.provider in left) for each in scene.choice.ranked)
        if best.entry is not chosen[0].entry:
            yield Counterfactual(change=Change.NOT_PREFERRED, service=best.entry.id)


def _assessed(scene: _Scene, behind: Iterable[Ranked]) -> Iterator[Counterfactual]:
    best = next((each for each in behind if each.doubtful), None)
    if best is not None and scene.selects(ranking.as_if(best, unknown=[])):
        yield Counterfactual(change=Change.ASSESSED, service=best.entry.id)


def _preferred(scene: _Scene, behind: Iterable[Ranked]) -> Iterator[Counterfactual]:
    """Each would gain the same, so if the best of them is not chosen, none is."""
    passed = {*scene.waiter.need.preferences.providers, *(each.entry.provider for each in scene.chosen)}
    best = next((each for each in behind if each.entry.provider not in passed), None)
    if best is not None and scene.selects(ranking.as_if(best, preferred=True)):
        yield Counterfactual(change=Change.PREFERRED, service=best.entry.id)


def _emptier(scene: _Scene, behind: Iterable[Ranked]) -> Iterator[Counterfactual]:
    for each in islice(behind, 2):
        places = scene.places(each, each.free + 1)
        if places is not None:
            yield Counterfactual(change=Change.MORE_PLACES, service=each.entry.id, places=places)


def _alternative(rival: Ranked, other: Ranked, why: Behind, free: int, worse: dict[str, float]) -> Alternative:
    if rival.entry.service.address_confidential or other.entry.service.address_confidential:
        worse.pop("distance", None)
    return Alternative(version=other.entry.version, why=why, free=free, worse=worse, unknown=other.unknown)


def _worse(chosen: Ranked, other: Ranked) -> dict[str, float]:
    """What the other lacks in each weighted term, where there is a difference."""
    worse = {}
    for (term, weight), has, lacks in zip(_WEIGHTS, chosen.terms, other.terms, strict=True):
        if has != lacks and (lack := round(weight * (has - lacks), 4)):
            worse[term] = lack
    if lack := round(other.charged - chosen.charged, 4):
        worse["price"] = lack
    return worse
