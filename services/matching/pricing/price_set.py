"""Makes a `PriceSet` of what was asked for lately. Pure; runs beside the matcher, which does without if need be.

A place costs what the last one would be worth to others: the dual of the matching of a window's needs to as many places
as there will be in a window of that length (`prices.opportunity`). Where places return, those are all places, as often
as they are given back; where they are used up (a yearly quota), the window's share of those left.

Not charged is Erlang's reserve (`prices.reserve`). It depends on how many places are taken at the moment, which a set
that is made every half hour does not know; as if all but one were taken, it gained nothing in the simulation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.intake import NeedRegistered
from contracts.matching import PriceSet

from ..directory.directory import Directory
from ..ranking.score import URGENCY_WEIGHTS, fit_of_each
from .shadow_prices import of_place, opportunity

WINDOW = timedelta(days=10)
"""What is forecast from, where places return."""
QUOTA_WINDOW = timedelta(weeks=8)
"""And where they are used up, which takes longer: in ten days, rare needs are missing."""
MOST = 20_000
"""Needs that are reckoned with: some seconds of work."""
LEAST = 1e-4
"""Lower prices are none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A need that was asked for, and what it is worth (its urgency's weight, times fit) at each who can take it."""

    at: datetime
    worth: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Supply:
    """A service's places, how many of them are free, and how long one is taken.

    Either `stay`, the mean time after which a place is given back; or they are used up, until all are there again at
    `renewed`. Neither: nothing is known, and they cost nothing.
    """

    service: str
    places: int
    free: int
    stay: timedelta | None = None
    renewed: datetime | None = None


def asked(need: NeedRegistered, directory: Directory) -> Asked:
    """What there is to know of a need, for its price to others."""
    weight = URGENCY_WEIGHTS[need.urgency]
    fits = fit_of_each(need, directory.open_to(need, need.requested_at.date()))
    return Asked(need.requested_at, {service: weight * fit for service, fit in fits.items()})


def price_set(id_: str, needs: Iterable[Asked], supply: Iterable[Supply], since: datetime, as_of: datetime) -> PriceSet:
    """The prices as of a moment. `since` is when needs began to be counted: a forecast needs to know from how long.

    What costs nothing is left out. A service whose quota has been used up is full, and is not priced.
    """
    known = [each for each in needs if since <= each.at < as_of]
    returning, used_up = (as_of - max(since, as_of - window) for window in (WINDOW, QUOTA_WINDOW))
    coming: dict[str, float] = {}
    left: dict[str, float] = {}
    for each in supply:
        if each.renewed is not None:
            if each.renewed > as_of:
                left[each.service] = each.free * (used_up / (each.renewed - as_of))
        elif each.stay:
            coming[each.service] = each.places * (returning / each.stay)
    prices = _prices([each for each in known if each.at >= as_of - returning], coming)
    prices |= _prices([each for each in known if each.at >= as_of - used_up], left)
    seconds = round((used_up if left else returning).total_seconds())
    return PriceSet(id=id_, window=seconds, as_of=as_of, prices=prices, used_up=sorted(left))


def _prices(needs: list[Asked], places: Mapping[str, float]) -> dict[str, float]:
    """Of more than `MOST` needs every second, third, ... counts, and as many places."""
    if not places:
        return {}
    every = -(-len(needs) // MOST) or 1
    duals = opportunity(
        [each.worth for each in needs[::every]], {service: each / every for service, each in places.items()}
    ).prices
    charged = {service: round(of_place(1.0, price, 1.0, 0.0), 6) for service, price in sorted(duals.items())}
    return {service: price for service, price in charged.items() if price >= LEAST}
