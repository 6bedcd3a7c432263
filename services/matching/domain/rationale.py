"""Records why a decision was made: what else there was, and what would have changed it.

The record consists of codes, ids and numbers, small enough to travel with a match; `queries.sentences` puts them into
words. Each counterfactual is tried before it is recorded: the ranking is made again with that one thing changed and
everything else as it was.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import Alternative, Counterfactual, DecisionRationale, Matched, PriceSet
from contracts.words import Behind, Change

from ..model.entry import DirectoryEntry
from ..ranking import score as ranking
from ..ranking.candidate import Candidate, RankKey
from ..ranking.net_value import charges_of
from ..waitlist.queue import Waiter, would_rather_wait
from .choice import Choice, count_ahead, has_turn
from .context import Moment

MOST = 5
"""Services recorded besides the chosen ones."""
CHANGES = 3
"""Counterfactuals recorded. For a match, no more than two of them are about places that were not free."""
_WEIGHTS = tuple(ranking.WEIGHTS.items())
_TRIES = 8
"""How many numbers of free places are tried where waiting needs would take some of them."""


def weigh(choice: Choice, chosen: Sequence[Candidate], moment: Moment) -> DecisionRationale | None:
    """The rationale of a choice; `chosen` is empty for a need that waits or is unmet.

    None where nothing was chosen and no service could take the need even with a place: the funnel says it all.
    """
    if not chosen and not choice.closed:
        return None
    scene = _Scene(choice, chosen, moment)
    closed = _closed(scene)
    would_be_chosen = [each for each in closed if each.change]
    others = [each for each in closed if not each.change]
    ids = {each.entry.id for each in chosen}
    behind = [each for each in choice.ranked if each.entry.id not in ids] if chosen else []
    behind = behind[: MOST - len(would_be_chosen)]
    closed = [*would_be_chosen, *others][: MOST - len(behind)]
    alternatives = [scene.alternative_behind(each) for each in behind]
    alternatives += [scene.alternative_closed(each) for each in closed]
    changes = [each.change for each in would_be_chosen if each.change]
    changes += islice(_changes(scene, behind), CHANGES - len(changes))
    return DecisionRationale(weights=ranking.WEIGHTS_VERSION, next=alternatives, otherwise=changes)


def choose_again(
    need: NeedRegistered,
    matches: Sequence[Matched],
    entries: Mapping[str, DirectoryEntry],
    price_set: PriceSet | None = None,
) -> list[str]:
    """Repeat a recorded choice: the service ids of the matches that were made at once.

    `entries` are the directory's, by version; `price_set` is the recorded one, if any. Raises `KeyError` where an entry
    is missing, and `ValueError` where the choice was made with another price set, with other weights, or before
    rationales were recorded.
    """
    first = matches[0]
    if first.weighed is None or first.weighed.weights != ranking.WEIGHTS_VERSION:
        raise ValueError("this choice cannot be repeated: it was made with other weights, or its rationale is missing")
    if first.price_set != (price_set and price_set.id):
        raise ValueError(f"this choice needs the price set it was made with: {first.price_set or '(none)'}")
    free_by_version = {each.version: each.free or 0 for each in matches}
    free_by_version |= {each.version: each.free for each in first.weighed.next if not each.why.closed}
    candidates = [Candidate.assess(need, entries[version], free) for version, free in free_by_version.items()]
    ranked = ranking.rank(need, candidates, charges_of(price_set).prices)
    return [each.entry.id for each in ranking.best_of_each_provider(ranked, len(matches))]


class _Closed(NamedTuple):
    """A service without a place for the need.

    `with_place` is the service scored as if it had as many places as the need takes, `free` the number we counted,
    `why` the reason, and `change` what would have had it chosen, if anything.
    """

    with_place: Candidate
    free: int
    why: Behind
    change: Counterfactual | None = None


@dataclass(frozen=True, slots=True)
class _Scene:
    """A choice and what it was made from."""

    choice: Choice
    chosen: Sequence[Candidate]
    moment: Moment

    @property
    def waiter(self) -> Waiter:
        """The need that was chosen for."""
        return self.choice.waiter

    @property
    def most(self) -> int:
        """How many services are asked at once."""
        return self.moment.limits.at_once[self.waiter.need.urgency]

    def selects(self, other: Candidate) -> bool:
        """Whether this candidate, as it is scored here, would be among the chosen."""
        to_beat = self._key_to_beat(other)
        return to_beat is None or other.rank_key < to_beat

    def fewest_places(self, candidate: Candidate, at_least: int) -> int | None:
        """The fewest free places with which it would be chosen; None where no possible number would do."""
        counts, to_beat = range(at_least, candidate.entry.capacity + 1), self._key_to_beat(candidate)

        def selects(free: int) -> bool:
            return to_beat is None or ranking.rescore(candidate, free=free).rank_key < to_beat

        if not counts or not selects(counts[-1]):
            return None
        fewest = bisect_left(counts, True, key=selects)
        tried = counts[fewest : fewest + _TRIES]
        return next((free for free in tried if has_turn(self.waiter, candidate.entry, free, self.moment)), None)

    def why_closed(self, entry: DirectoryEntry, free: int) -> Behind:
        """Why a service has no place for the need."""
        now, context, limits = self.moment
        if context.entry_flags.full(entry):
            return Behind.SAID_FULL
        if free < self.waiter.need.places:
            return Behind.FULL
        kept = would_rather_wait(self.waiter, entry, now, limits, context.charges)
        return Behind.KEPT if kept else Behind.OTHERS_FIRST

    def alternative_behind(self, other: Candidate) -> Alternative:
        """The record of a service with a place that was not chosen."""
        rival = self._rival(other)
        worse = _worse(rival, other)
        return _alternative(rival, other, self._why_behind(rival, other, worse), other.free, worse)

    def alternative_closed(self, closed: _Closed) -> Alternative:
        """The record of a service without a place for the need."""
        other = closed.with_place
        rival = self._rival(other) if self.chosen else other
        return _alternative(rival, other, closed.why, closed.free, _worse(rival, other))

    def _why_behind(self, rival: Candidate, other: Candidate, worse: Mapping[str, float]) -> Behind:
        if self.most > 1 and rival.entry.provider == other.entry.provider:
            return Behind.SAME_PROVIDER
        if other.assessed_first and not rival.assessed_first:
            return Behind.ASSESS_FIRST
        return Behind.LOWER_SCORE if worse else Behind.EQUAL

    def _key_to_beat(self, other: Candidate) -> RankKey | None:
        """The rank that it must precede to be among the chosen; None where a place among them is left."""
        others = [each for each in self.chosen if each.entry is not other.entry]
        rival = next((each for each in others if each.entry.provider == other.entry.provider), None)
        if rival is None and len(others) == self.most:
            rival = others[-1]
        return None if rival is None else rival.rank_key

    def _rival(self, other: Candidate) -> Candidate:
        """The chosen candidate that it would have replaced."""
        same_provider = (each for each in self.chosen if each.entry.provider == other.entry.provider)
        return next(same_provider, self.chosen[-1])


def _closed(scene: _Scene) -> list[_Closed]:
    """The best services without a place for the need, compared as if each had as many places as the need takes."""
    need, closed = scene.waiter.need, scene.choice.closed
    free_by_id = {each.entry.id: each.free for each in closed}
    with_places = [each._replace(free=max(each.free, need.places)) for each in closed]
    most_changes = 2 if scene.chosen else CHANGES
    described: list[_Closed] = []
    changes = 0
    for with_place in ranking.rank(need, with_places, scene.choice.charges.prices)[:MOST]:
        free = free_by_id[with_place.entry.id]
        each = _Closed(with_place, free, scene.why_closed(with_place.entry, free))
        if changes < most_changes:
            each = each._replace(change=_change_for(scene, each))
            changes += each.change is not None
        described.append(each)
    return described


def _change_for(scene: _Scene, closed: _Closed) -> Counterfactual | None:
    """What would have had a service without a place chosen."""
    entry, places = closed.with_place.entry, scene.waiter.need.places
    if closed.why is Behind.KEPT:
        return None
    if closed.why is Behind.OTHERS_FIRST:
        selected = scene.selects(closed.with_place)
        return Counterfactual(change=Change.TURN, service=entry.id) if selected else None
    needs_new_entry = closed.why is Behind.SAID_FULL or entry.capacity == 0
    if needs_new_entry and count_ahead(scene.waiter, entry, scene.moment):
        return None  # a new entry would also change for whom places are kept: who would get the place is unknown
    if entry.capacity == 0:
        return None if scene.chosen else Counterfactual(change=Change.PLACE, service=entry.id, places=places)
    fewest = scene.fewest_places(closed.with_place, max(closed.free + 1, places))
    return None if fewest is None else Counterfactual(change=Change.PLACE, service=entry.id, places=fewest)


def _changes(scene: _Scene, behind: Sequence[Candidate]) -> Iterator[Counterfactual]:
    """What would have changed the choice among the services that have a place, one of each kind."""
    kinds = (_not_preferred(scene), _assessed(scene, behind), _preferred(scene, behind), _more_places(scene, behind))
    for changes in kinds:
        yield from islice(changes, 1)


def _not_preferred(scene: _Scene) -> Iterator[Counterfactual]:
    preferred, chosen = scene.waiter.need.preferences.providers, scene.chosen
    if scene.most == 1 and chosen and chosen[0].entry.provider in preferred:
        others = {*preferred} - {chosen[0].entry.provider}
        rescored = [ranking.rescore(each, preferred=each.entry.provider in others) for each in scene.choice.ranked]
        best = min(rescored, key=lambda each: each.rank_key)
        if best.entry is not chosen[0].entry:
            yield Counterfactual(change=Change.NOT_PREFERRED, service=best.entry.id)


def _assessed(scene: _Scene, behind: Iterable[Candidate]) -> Iterator[Counterfactual]:
    best = next((each for each in behind if each.assessed_first), None)
    if best is not None and scene.selects(ranking.rescore(best, unknown=[])):
        yield Counterfactual(change=Change.ASSESSED, service=best.entry.id)


def _preferred(scene: _Scene, behind: Iterable[Candidate]) -> Iterator[Counterfactual]:
    """All of them would gain the same, so if the best of them is not chosen, none is."""
    excluded = {*scene.waiter.need.preferences.providers, *(each.entry.provider for each in scene.chosen)}
    best = next((each for each in behind if each.entry.provider not in excluded), None)
    if best is not None and scene.selects(ranking.rescore(best, preferred=True)):
        yield Counterfactual(change=Change.PREFERRED, service=best.entry.id)


def _more_places(scene: _Scene, behind: Iterable[Candidate]) -> Iterator[Counterfactual]:
    for each in islice(behind, 2):
        places = scene.fewest_places(each, each.free + 1)
        if places is not None:
            yield Counterfactual(change=Change.MORE_PLACES, service=each.entry.id, places=places)


def _alternative(rival: Candidate, other: Candidate, why: Behind, free: int, worse: dict[str, float]) -> Alternative:
    if rival.entry.service.address_confidential or other.entry.service.address_confidential:
        worse.pop("distance", None)
    return Alternative(version=other.entry.version, why=why, free=free, worse=worse, unknown=other.unknown)


def _worse(chosen: Candidate, other: Candidate) -> dict[str, float]:
    """By how much the other is worse in each weighted term, where there is a difference."""
    worse = {}
    for (term, weight), chosen_value, value in zip(_WEIGHTS, chosen.terms, other.terms, strict=True):
        if chosen_value != value and (difference := round(weight * (chosen_value - value), 4)):
            worse[term] = difference
    if difference := round(other.charged - chosen.charged, 4):
        worse["price"] = difference
    return worse
