"""Computes a `PriceSet` from the needs of the last days and the places there are. Pure; matching works without it.

A place costs what the last one would be worth to others: the dual of matching a window's needs with as many places as
there will be in a window of that length (`shadow_prices.opportunity`). Where places return, those are all places, as
often as they are released; where they are used up (a yearly quota), the window's share of those left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.intake import NeedRegistered
from contracts.matching import PriceSet

from ..directory.directory import Directory
from ..ranking.score import URGENCY_WEIGHTS, fit_of_each
from .shadow_prices import opportunity

WINDOW = timedelta(days=10)
"""The days that demand is forecast from, where places return."""
QUOTA_WINDOW = timedelta(weeks=8)
"""The same where places are used up. It is longer, because ten days contain too few rare needs."""
MOST = 20_000
"""Needs used in the computation: some seconds of work."""
LEAST = 1e-4
"""Lower prices are left out."""


@dataclass(frozen=True, slots=True)
class AskedNeed:
    """When a need was registered, and its value (urgency weight times fit) at each service that can take it."""

    at: datetime
    worth: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Supply:
    """A service's places, how many of them are free, and how long one is taken.

    Either `stay`, the mean time after which a place returns; or places are used up, until all return at `renewed`.
    With neither, nothing is known and the places cost nothing.
    """

    service: str
    places: int
    free: int
    stay: timedelta | None = None
    renewed: datetime | None = None


def asked_need(need: NeedRegistered, directory: Directory) -> AskedNeed:
    """What prices are computed from, for one need."""
    weight = URGENCY_WEIGHTS[need.urgency]
    fits = fit_of_each(need, directory.open_to(need, need.requested_at.date()))
    return AskedNeed(need.requested_at, {service: weight * fit for service, fit in fits.items()})


def price_set(
    id_: str, needs: Iterable[AskedNeed], supply: Iterable[Supply], since: datetime, as_of: datetime
) -> PriceSet:
    """The prices as of a moment. `since` is when needs began to be counted, from which demand per day is computed.

    Services whose places cost nothing are left out. A service whose quota is used up is full, and has no price.
    """
    known = [each for each in needs if since <= each.at < as_of]
    returning_window, quota_window = (as_of - max(since, as_of - window) for window in (WINDOW, QUOTA_WINDOW))
    returning: dict[str, float] = {}
    left: dict[str, float] = {}
    for each in supply:
        if each.renewed is not None:
            if each.renewed > as_of:
                left[each.service] = each.free * (quota_window / (each.renewed - as_of))
        elif each.stay:
            returning[each.service] = each.places * (returning_window / each.stay)
    prices = _prices([each for each in known if each.at >= as_of - returning_window], returning)
    prices |= _prices([each for each in known if each.at >= as_of - quota_window], left)
    seconds = round((quota_window if left else returning_window).total_seconds())
    return PriceSet(id=id_, window=seconds, as_of=as_of, prices=prices, used_up=sorted(left))


def _prices(needs: list[AskedNeed], places: Mapping[str, float]) -> dict[str, float]:
    """Prices by service. Of more than `MOST` needs every second, third, ... counts, and as many places."""
    if not places:
        return {}
    every = -(-len(needs) // MOST) or 1
    sampled = [each.worth for each in needs[::every]]
    duals = opportunity(sampled, {service: each / every for service, each in places.items()}).prices
    rounded = {service: round(price, 6) for service, price in sorted(duals.items())}
    return {service: price for service, price in rounded.items() if price >= LEAST}
