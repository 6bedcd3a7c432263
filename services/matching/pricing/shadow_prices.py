"""What a place is worth to others: the price a need has to be worth before it takes the place from them.

Two prices, both pure functions of numbers, for one category and region (the problem falls apart along them):

- `opportunity`: for places that are used up, such as a yearly quota. The dual prices of the matching of a window's
  needs, found by a sub-gradient, with the bound they prove (Ahani, Gölz, Procaccia, Teytelboym and Trapp, "Dynamic
  Placement in Refugee Resettlement", Operations Research 72(3), 2024: potentials are these duals).
- `reserve`: for places that return. What one more place taken now costs more urgent needs that come before one is
  given back (Ott and Krishnan, "State dependent routing of telephone traffic and the use of separable routing schemes",
  11th International Teletraffic Congress, 1985).

A value, and so a price, is in urgency weights: 1 is a need of weight 1 that is served as well as can be. Nothing here
knows a person: a need is what it is worth at which service.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PASSES = 60
"""How often `opportunity` goes over the window: enough for a bound within half a percent of the best one."""
RESERVED = 0.3
"""The share of the Erlang reserve that is charged. More loses again: one policy step does not see the others'."""
_PARTS = 20

Row = Sequence[tuple[int, float]]
"""What a need is worth at which service, by number."""


@dataclass(frozen=True, slots=True)
class Duals:
    """`prices` by service, in value per place, none below 0; a service that is not named has the price 0.

    `bound`: no way whatever to match the window's needs has a higher total value.
    """

    prices: Mapping[str, float]
    bound: float


def opportunity(needs: Sequence[Mapping[str, float]], capacities: Mapping[str, float], passes: int = PASSES) -> Duals:
    """The price of a place of each service, had it to serve the needs of this window.

    For each need its value at each service that can take it; `capacities` are in needs that can be served within the
    window. A service whose places return serves places * days / expected stay in days; its price divided by that stay
    is the price of a place-day. A service without a capacity is full. Each need takes at most one place:

        maximise sum of value * x   with each need's sum of x <= 1, each service's sum of x <= its capacity, x >= 0

    Raises ValueError where a value or a capacity is negative.
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


def blocking(load: float, places: int) -> float:
    """Erlang's B: the share of arrivals that find all places taken. `load` is arrivals * stay, in places (erlang)."""
    lost = 1.0
    for each in range(1, places + 1):
        lost = load * lost / (each + load * lost)
    return lost


def reserve(value: float, load: float, places: int, busy: int) -> float:
    """What taking one more place costs the demand that goes before, with `busy` taken: w * B(a, c) / B(a, busy).

    `value` is the mean value of that demand and `load` its arrivals * stay in places: only needs that are strictly more
    urgent count, so the most urgent pay nothing. Rises with `busy`, from value * B(a, c) in an empty service to `value`
    in a full one.
    """
    if load <= 0:
        return 0.0
    lost, share = 1.0, 1.0
    for each in range(1, places + 1):
        factor = load / (each + load * lost)
        lost *= factor
        if each > busy:
            share *= factor
    return value * share


def of_place(weight: float, opportunity_price: float, stay: float, erlang: float, share: float = RESERVED) -> float:
    """The price of a place as it is taken from the fit (in [0, 1]) of a need of urgency `weight`.

    `opportunity_price` per place-day with the expected `stay` in days; per place, with a stay of 1, where places are
    used up. `erlang` is the `reserve`. The more urgent the need, the less a price weighs.
    """
    return (opportunity_price * stay + share * erlang) / weight


def _descend(rows: Sequence[Row], capacities: Sequence[float], passes: int) -> tuple[list[float], float]:
    """The prices with the lowest bound that were met on the way down, and that bound.

    Each step is of a `_PARTS`-th of the needs: a price rises with the share of the capacity that they want, and falls
    with the share that is theirs. Steps are measured in the mean best value, and become smaller; of the second half of
    the passes the mean is looked at too, since single prices go up and down around the best.
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
            for found in (prices, mean):
                least = bound(rows, capacities, found)
                if least < lowest:
                    best, lowest = found, least
    return best, lowest


def demand(rows: Iterable[Row], prices: Sequence[float]) -> list[int]:
    """How many of the needs would choose each service, at these prices."""
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
    """What all places cost, and what each need has left at its best: no matching is worth more, whatever the prices."""
    places = sum(price * capacity for price, capacity in zip(prices, capacities, strict=True))
    return places + sum(max(0.0, max(value - prices[service] for service, value in row)) for row in rows)
