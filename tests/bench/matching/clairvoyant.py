"""The best possible result: a linear programme (HiGHS) that knows arrivals, stays and which services would accept.

Time is cut into steps. A stay from s to e holds a place from the step of s up to, but not including, that of e. So any
course of events is a solution, and the optimum is above that of any policy. The time that services take to answer is
left out. Possible starts are dense at first and then ever sparser; starts that the prices show to be worth more can be
added in rounds (column generation). `Hindsight.above` is how much higher the true optimum may be, by the bound of the
last prices over all starts.

Categories have no service in common here, so each is solved by itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scipy.optimize import linprog
from scipy.sparse import coo_array

from .world import Arrival, World

STEPS = 12
"""Steps per mean stay. Fewer make the bound looser, since a stay counts in whole steps, rounded down."""
ROUNDS = 0
"""Rounds of added columns. Each costs as much again, and has added 0.3 % at most."""


class Start(NamedTuple):
    """A service accepts a need in step `first`, and the need stays until step `last`."""

    need: int
    service: str
    first: int
    last: int
    value: float


@dataclass(slots=True)
class Hindsight:
    """`served`: the share of each need that is served, by number; 0 if missing. `values`: the value of that.

    `above`: the relative distance from `total` to a bound that holds for all starts.
    """

    served: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    values: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    above: float = 0.0

    def value(self, needs: Iterable[Arrival]) -> float:
        """The value of serving these needs."""
        return sum(self.values.get(each.number, 0.0) for each in needs)


def hindsight(world: World, steps: int = STEPS, rounds: int = ROUNDS) -> Hindsight:
    """The optimum of a whole scenario."""
    result, bounds, totals = Hindsight(), 0.0, 0.0
    for kind in world.scenario.kinds:
        step = min(6.0, 24 * kind.stay / steps)
        needs = [each for each in world.arrivals if each.need.category is kind.category]
        capacity = {entry.id: entry.service.capacity for entry in world.directory.of(kind.category)}
        columns = sorted({start for need in needs for start in _thinned(need, step)})
        for round_ in range(rounds + 1):
            solved = _solve(columns, capacity)
            bound, best = _price(needs, step, capacity, solved)
            more = set(best).difference(columns)
            if not more or round_ == rounds:
                break
            columns = sorted({*columns, *more})
        bounds += bound
        for start, share in zip(columns, solved.shares, strict=True):
            totals += share * start.value
            result.served[start.need] += share
            result.values[start.need] += share * start.value
    result.above = bounds / totals - 1 if totals else 0.0
    return result


def starts(need: Arrival, step: float) -> Iterator[Start]:
    """All ways to serve a need: at the first moment of each step in which it is present."""
    for service in need.willing:
        for first in range(int(need.at // step), int(need.leaves // step) + 1):
            yield _start(need, service, first, step)


def _thinned(need: Arrival, step: float) -> Iterator[Start]:
    begin, end = int(need.at // step), int(need.leaves // step)
    offset = 0
    while begin + offset <= end:
        for service in need.willing:
            yield _start(need, service, begin + offset, step)
        offset += 1 + offset // 4


def _start(need: Arrival, service: str, first: int, step: float) -> Start:
    begins = max(need.at, first * step)
    last = int(min(begins + need.stay, 1e9) // step)
    return Start(need.number, service, first, last, need.value(service, begins))


@dataclass(slots=True)
class _Solved:
    """`shares` by column; `held` by service: the price of a place per step, as cumulative sums."""

    shares: list[float]
    held: dict[str, list[float]]


def _solve(columns: list[Start], capacity: dict[str, int]) -> _Solved:
    """Maximise the value. Each need is served at most once; places held = held before + begun - ended <= capacity."""
    needs = {need: row for row, need in enumerate(sorted({start.need for start in columns}))}
    steps = max(start.first for start in columns) + 1
    services = {id_: number for number, id_ in enumerate(capacity)}
    count, held = len(columns), steps * len(services)
    once = coo_array(
        ([1.0] * count, ([needs[start.need] for start in columns], range(count))), shape=(len(needs), count + held)
    )
    rows, places, signs = [], [], []
    for column, start in enumerate(columns):
        base = services[start.service] * steps
        if start.last > start.first:
            rows.append(base + start.first)
            places.append(column)
            signs.append(-1.0)
            if start.last < steps:
                rows.append(base + start.last)
                places.append(column)
                signs.append(1.0)
    for each in range(held):
        rows.append(each)
        places.append(count + each)
        signs.append(1.0)
        if each % steps:
            rows.append(each)
            places.append(count + each - 1)
            signs.append(-1.0)
    flow = coo_array((signs, (rows, places)), shape=(held, count + held))
    limits = [(0, 1)] * count + [(0, capacity[id_]) for id_ in services for _ in range(steps)]
    solution = linprog(
        [-start.value for start in columns] + [0.0] * held,
        A_ub=once.tocsr(),
        b_ub=[1.0] * len(needs),
        A_eq=flow.tocsr(),
        b_eq=[0.0] * held,
        bounds=limits,
        method="highs-ipm",
    )
    assert solution.status == 0, solution.message
    prices = [max(0.0, -float(each)) for each in solution.upper.marginals[count:]]
    sums: dict[str, list[float]] = {}
    for id_, number in services.items():
        total, run = 0.0, [0.0]
        for each in prices[number * steps : (number + 1) * steps]:
            total += each
            run.append(total)
        sums[id_] = run
    return _Solved([float(each) for each in solution.x[:count]], sums)


def _price(needs: list[Arrival], step: float, capacity: dict[str, int], solved: _Solved) -> tuple[float, list[Start]]:
    """The bound of these prices over all starts, and each need's best start at these prices."""
    bound = sum(run[-1] * capacity[id_] for id_, run in solved.held.items())
    best_starts = []
    for need in needs:
        most, best = 0.0, None
        for start in starts(need, step):
            run = solved.held[start.service]
            net = start.value - (run[min(start.last, len(run) - 1)] - run[min(start.first, len(run) - 1)])
            if net > most:
                most, best = net, start
        bound += most
        if best is not None:
            best_starts.append(best)
    return bound, best_starts
