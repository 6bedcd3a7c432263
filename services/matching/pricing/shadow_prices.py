"""Shadow prices: what a place is worth to other needs, and so what a need must be worth to take it from them.

`opportunity` computes them for places that are used up, such as a yearly quota, and for places that return, counted as
often as they return: the dual prices of matching a window's needs, by a sub-gradient, with the bound that they prove.
Source: Ahani, Gölz, Procaccia, Teytelboym and Trapp, "Dynamic Placement in Refugee Resettlement", Operations Research
72(3), 2024, whose potentials are these duals.

Values and prices are in urgency weights: 1 is the value of serving a need of weight 1 perfectly. Nothing here knows a
person: a need is its value at each service. The problem falls apart by category and region.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PASSES = 60
"""How often `opportunity` goes over the window: enough for a bound within half a percent of the best one."""
_PARTS = 20

Row = Sequence[tuple[int, float]]
"""The value of a need at each service that can take it, by the service's number."""


@dataclass(frozen=True, slots=True)
class Duals:
    """`prices` by service, in value per place, none below 0; a service that is missing has the price 0.

    `bound`: no matching of the window's needs has a higher total value.
    """

    prices: Mapping[str, float]
    bound: float


def opportunity(needs: Sequence[Mapping[str, float]], capacities: Mapping[str, float], passes: int = PASSES) -> Duals:
    """The price of a place of each service, if it had to serve the needs of this window.

    `needs` are the values of each need at each service that can take it; `capacities` are the needs that each service
    can serve within the window. A service whose places return serves places * days / expected stay in days; its price
    divided by that stay is the price of a place-day. A service without a capacity is full. Each need takes at most one
    place:

        maximise sum of value * x   with each need's sum of x <= 1, each service's sum of x <= its capacity, x >= 0

    Raises `ValueError` where a value or a capacity is negative.
    """
    if any(value < 0 for need in needs for value in need.values()) or any(each < 0 for each in capacities.values()):
        raise ValueError("values and capacities must not be negative")
    names = sorted({service for need in needs for service in need if capacities.get(service, 0) > 0})
    numbers = {name: number for number, name in enumerate(names)}
    rows = [[(numbers[each], value) for each, value in need.items() if each in numbers] for need in needs]
    rows = [row for row in rows if row]
    if not rows:
        return Duals({}, 0.0)
    best, bound = _descend(rows, [capacities[name] for name in names], passes)
    return Duals(dict(zip(names, best, strict=True)), bound)


def _descend(rows: Sequence[Row], capacities: Sequence[float], passes: int) -> tuple[list[float], float]:
    """The prices with the lowest bound met on the way down, and that bound.

    Each step takes a `_PARTS`-th of the needs: a price rises with the share of the capacity that they want, and falls
    with the share that is theirs. Steps are in units of the mean best value, and get smaller. From the second half of
    the passes on, the mean of the prices is tried too, since single prices swing around the best.
    """
    prices = [0.0] * len(capacities)
    mean, best, lowest = prices, prices, bound(rows, capacities, prices)
    unit = sum(max(value for _, value in row) for row in rows) / len(rows)
    parts = [rows[part::_PARTS] for part in range(min(_PARTS, len(rows)))]
    for number in range(passes):
        step = unit / (1 + 0.8 * number)
        for part in parts:
            share = len(part) / len(rows)
            wanted = demand(part, prices)
            prices = [
                max(0.0, price + step * min(1.0, taken / capacity - share))
                for price, taken, capacity in zip(prices, wanted, capacities, strict=True)
            ]
        passed = number - passes // 2 + 1
        mean = prices if passed <= 1 else [old + (new - old) / passed for old, new in zip(mean, prices, strict=True)]
        if number % 5 == 4 or number == passes - 1:
            for tried in (prices, mean):
                least = bound(rows, capacities, tried)
                if least < lowest:
                    best, lowest = tried, least
    return best, lowest


def demand(rows: Iterable[Row], prices: Sequence[float]) -> list[int]:
    """How many of the needs would choose each service at these prices."""
    wanted = [0] * len(prices)
    for row in rows:
        most, chosen = 0.0, -1
        for service, value in row:
            net = value - prices[service]
            if net > most:
                most, chosen = net, service
        if chosen >= 0:
            wanted[chosen] += 1
    return wanted


def bound(rows: Iterable[Row], capacities: Sequence[float], prices: Sequence[float]) -> float:
    """The cost of all places plus the best net value of each need: no matching is worth more, whatever the prices."""
    places = sum(price * capacity for price, capacity in zip(prices, capacities, strict=True))
    return places + sum(max(0.0, max(value - prices[service] for service, value in row)) for row in rows)
