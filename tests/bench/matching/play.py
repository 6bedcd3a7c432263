"""Simulates a region: needs arrive, services answer, people are served and leave, or give up. A `Matcher` plays.

The matcher learns of each event as it happens, and never of what is hidden.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from .world import Arrival, World


class Offer(NamedTuple):
    """A place is held for a need at a service until the service answers or the offer is withdrawn."""

    need: int
    service: str
    attempt: int


class Matcher(Protocol):
    """Each call reports an event and its hour, and returns the offers that follow."""

    def arrives(self, hour: float, need: Arrival) -> Sequence[Offer]: ...

    def accepts(self, hour: float, offer: Offer) -> Sequence[Offer]:
        """The service accepts, and the need keeps the place."""
        ...

    def declines(self, hour: float, offer: Offer) -> Sequence[Offer]:
        """The service declines for good."""
        ...

    def ends(self, hour: float, offer: Offer) -> Sequence[Offer]:
        """The person has been served, and the place is free."""
        ...

    def leaves(self, hour: float, need: Arrival) -> Sequence[Offer]:
        """The person was not served in time and has gone."""
        ...

    def ticks(self, hour: float) -> Sequence[Offer]:
        """An hour has passed."""
        ...

    def holds(self, offer: Offer) -> bool:
        """Whether the offer still stands."""
        ...


@dataclass(slots=True)
class Played:
    """The result: `served` is the service and the hour by the need's number; `offers` counts the offers made."""

    world: World
    served: dict[int, tuple[str, float]] = field(default_factory=dict)
    offers: int = 0

    def value(self) -> float:
        """The total value of the needs that arrived in the window."""
        return sum(each.value(*self.served[each.number]) for each in self.world.counted if each.number in self.served)


def play(world: World, matcher: Matcher) -> Played:
    """Play from the first arrival until all are served or gone. Checks that no service is ever over its capacity."""
    played, order = Played(world), itertools.count()
    queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
    held: dict[str, set[int]] = {id_: set() for id_ in world.entries}

    def at(hour: float, happens: Callable[..., None], *what: Any) -> None:
        heapq.heappush(queue, (hour, next(order), happens, what))

    def made(hour: float, offers: Sequence[Offer]) -> None:
        for offer in offers:
            played.offers += 1
            at(hour + world.delay(world.arrivals[offer.need], offer.service), answer, offer)

    def arrive(hour: float, need: Arrival) -> None:
        made(hour, matcher.arrives(hour, need))
        at(max(hour, need.leaves), leave, need)

    def answer(hour: float, offer: Offer) -> None:
        if not matcher.holds(offer):
            return
        need = world.arrivals[offer.need]
        if offer.service not in need.willing:
            made(hour, matcher.declines(hour, offer))
            return
        here = held[offer.service]
        here.add(offer.need)
        assert len(here) <= world.entries[offer.service].service.capacity, "a service is over its capacity"
        assert offer.need not in played.served, "a need was accepted twice"
        played.served[offer.need] = (offer.service, hour)
        made(hour, matcher.accepts(hour, offer))
        if need.stay < float("inf"):
            at(hour + need.stay, end, offer)

    def end(hour: float, offer: Offer) -> None:
        held[offer.service].remove(offer.need)
        made(hour, matcher.ends(hour, offer))

    def leave(hour: float, need: Arrival) -> None:
        if need.number not in played.served:
            made(hour, matcher.leaves(hour, need))

    def tick(hour: float) -> None:
        made(hour, matcher.ticks(hour))

    for need in world.arrivals:
        at(need.at, arrive, need)
    if not world.scenario.quota:
        for hour in range(1, world.scenario.days * 24):
            at(hour, tick)
    while queue:
        hour, _, happens, what = heapq.heappop(queue)
        happens(hour, *what)
    return played
