"""What a need is charged for a place, and when it would rather wait than pay. Prices come as data: a `PriceSet`.

With it comes what answers have taught of the services (`ranking.Learned`).

The fit of a service to a need, less what its place costs, is the need's *net*: by it needs choose among services, and
services among those who wait for them. Who is more urgent pays less, in proportion, and at the end of its patience
nobody pays. A price that is missing is 0: without prices all is decided by fit alone.

Where places are used up, a normal need leaves one that costs more than it is worth to it, until half of its patience is
over. Not where they return: a place that stands empty meanwhile is lost, which costs more than it brings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from contracts.intake import NeedRegistered
from contracts.matching import PriceSet
from contracts.words import Urgency

from ..model.entry import DirectoryEntry
from .score import Learned, charge, fit

Net = Callable[[NeedRegistered, DirectoryEntry], float]
"""What a place of a service is worth to a need, less what it costs others."""


@dataclass(frozen=True, slots=True)
class Charges:
    """A `PriceSet` as decisions see it: `prices` by service id, and those of them whose places are `used_up`.

    `answer_hours` is how long services take to answer, where that is known.
    """

    prices: Mapping[str, float] = field(default_factory=dict)
    used_up: frozenset[str] = frozenset()
    price_set: str | None = None
    learned: Learned | None = None
    answer_hours: Mapping[str, float] = field(default_factory=dict)

    def for_match(self, match: str) -> "Charges":
        """As it counts in the choice of this match, see `Learned.exploring`."""
        learned = self.learned and self.learned.exploring(match)
        return self if learned is self.learned else replace(self, learned=learned)

    def net(self, need: NeedRegistered, entry: DirectoryEntry) -> float:
        """See `Net`."""
        return fit(need, entry) - charge(need, self.prices.get(entry.id, 0.0))

    def too_dear(self, need: NeedRegistered, entry: DirectoryEntry, waited: timedelta, patience: timedelta) -> bool:
        """Whether a need leaves a free place to those to come."""
        waits = entry.id in self.used_up and need.urgency is Urgency.NORMAL and 2 * waited < patience
        return waits and self.net(need, entry) < 0


FREE = Charges()
"""All places cost nothing."""


def charges(prices: PriceSet | None) -> Charges:
    """What is charged by a set; by none, nothing."""
    if prices is None:
        return FREE
    learned = Learned(prices.acceptance, prices.accepted_otherwise) if prices.acceptance else None
    return Charges(prices.prices, frozenset(prices.used_up), prices.id, learned, prices.answer_hours)
