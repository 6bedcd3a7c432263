"""What a need is charged for a place. Prices come as data: a `PriceSet`.

The *net value* of a service for a need is its fit minus what the place costs. Needs choose among services by it, and
services among the needs that wait for them. More urgent needs pay less in proportion, and a need whose patience is over
pays nothing. A missing price is 0: without prices, everything is decided by fit alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from contracts.intake import NeedRegistered
from contracts.matching import PriceSet

from ..model.entry import DirectoryEntry
from .score import charge, fit

Net = Callable[[NeedRegistered, DirectoryEntry], float]
"""The value of a place at a service for a need, minus what it costs others."""


@dataclass(frozen=True, slots=True)
class Charges:
    """A `PriceSet` as decisions use it: `prices` by service id, and the services whose places are `used_up`.

    `price_set` is its id; None where nothing is charged.
    """

    prices: Mapping[str, float] = field(default_factory=dict)
    used_up: frozenset[str] = frozenset()
    price_set: str | None = None

    def net(self, need: NeedRegistered, entry: DirectoryEntry) -> float:
        """See `Net`."""
        return fit(need, entry) - charge(need, self.prices.get(entry.id, 0.0))


FREE = Charges()
"""All places cost nothing."""


def charges_of(prices: PriceSet | None) -> Charges:
    """The charges of a price set; without one, places are free."""
    return FREE if prices is None else Charges(prices.prices, frozenset(prices.used_up), prices.id)
