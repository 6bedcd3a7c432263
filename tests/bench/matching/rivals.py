"""What matching is compared with: the best service that has a place now, and a waiting list in some order.

Rivals know eligibility and the simulated fit, make one offer at a time, and do not look ahead.
"""

from collections.abc import Callable, Sequence
from typing import Any

from services.matching.eligibility.rules import distance_km
from services.matching.pricing.shadow_prices import opportunity

from .play import Offer
from .world import Arrival, World

WEEK = 7 * 24.0
Score = Callable[[Arrival, str], float]
"""How good a service is for a need; below 0, the need does not get the place."""
Order = Callable[[Arrival, str], Any]
"""Sorts the needs that wait for a service, first to be served first."""


def best_fit(need: Arrival, service: str) -> float:
    """Greedy: the fit alone."""
    return need.fits[service]


def nearest(world: World) -> Score:
    """The nearest service."""

    def score(need: Arrival, service: str) -> float:
        distance = distance_km(need.need, world.entries[service])
        return 1 / (1 + (distance or 0))

    return score


def first_come(need: Arrival, service: str) -> Any:
    """In the order of arrival."""
    return need.at


def class_then_fit(need: Arrival, service: str) -> Any:
    """The more urgent first, and of those the need that the service suits best."""
    return (-need.weight, -need.fits[service], need.at)


class Rival:
    """A `Matcher` with a score and an order."""

    def __init__(self, world: World, score: Score = best_fit, order: Order = first_come) -> None:
        self._world, self._score, self._order = world, score, order
        self._free = {id_: entry.service.capacity for id_, entry in world.entries.items()}
        self._open: dict[int, Offer] = {}
        self._refused: dict[int, set[str]] = {}
        self._waiting: dict[str, dict[int, Arrival]] = {id_: {} for id_ in world.entries}

    def arrives(self, hour: float, need: Arrival) -> Sequence[Offer]:
        return self._place(need)

    def accepts(self, hour: float, offer: Offer) -> Sequence[Offer]:
        return []

    def declines(self, hour: float, offer: Offer) -> Sequence[Offer]:
        del self._open[offer.need]
        self._refused.setdefault(offer.need, set()).add(offer.service)
        offers = self._place(self._world.arrivals[offer.need])
        return [*offers, *self._returned(offer.service)]

    def ends(self, hour: float, offer: Offer) -> Sequence[Offer]:
        del self._open[offer.need]
        return self._returned(offer.service)

    def leaves(self, hour: float, need: Arrival) -> Sequence[Offer]:
        self._stop_waiting(need)
        offer = self._open.pop(need.number, None)
        return self._returned(offer.service) if offer else []

    def ticks(self, hour: float) -> Sequence[Offer]:
        return []

    def holds(self, offer: Offer) -> bool:
        return self._open.get(offer.need) == offer

    def _place(self, need: Arrival) -> list[Offer]:
        refused = self._refused.get(need.number, set())
        able = [each for each in need.fits if each not in refused]
        scored = [(self._score(need, each), each) for each in able if self._free[each] > 0]
        best = max(scored, default=(-1.0, ""))
        if best[0] >= 0:
            return [self._offer(need, best[1])]
        for each in able:
            self._waiting[each][need.number] = need
        return []

    def _returned(self, service: str) -> list[Offer]:
        self._free[service] += 1
        line = self._waiting[service].values()
        if not line:
            return []
        return [self._offer(min(line, key=lambda each: self._order(each, service)), service)]

    def _offer(self, need: Arrival, service: str) -> Offer:
        self._stop_waiting(need)
        self._free[service] -= 1
        offer = Offer(need.number, service, len(self._refused.get(need.number, ())) + 1)
        self._open[need.number] = offer
        return offer

    def _stop_waiting(self, need: Arrival) -> None:
        for each in need.fits:
            self._waiting[each].pop(need.number, None)


class Priced(Rival):
    """For a quota: the best fit minus the price of the place, priced weekly by `shadow_prices`.

    The needs of the last weeks are the forecast for the rest of the year; in the first week places cost nothing.
    """

    def __init__(self, world: World, weeks: int = 8) -> None:
        super().__init__(world, self._net)
        self._weeks, self._week, self._seen = weeks, 0, list[Arrival]()
        self._prices: dict[str, float] = {}

    def arrives(self, hour: float, need: Arrival) -> Sequence[Offer]:
        if hour // WEEK > self._week:
            self._week = int(hour // WEEK)
            self._reprice(hour)
        self._seen.append(need)
        return super().arrives(hour, need)

    def _net(self, need: Arrival, service: str) -> float:
        return need.fits[service] - self._prices.get(service, 0.0) / need.weight

    def _reprice(self, hour: float) -> None:
        span = min(hour, self._weeks * WEEK)
        recent = [each for each in self._seen if each.at >= hour - span]
        share = span / (self._world.scenario.days * 24 - hour)
        window = [{id_: each.weight * fit for id_, fit in each.fits.items()} for each in recent]
        self._prices = dict(opportunity(window, {id_: free * share for id_, free in self._free.items()}).prices)
