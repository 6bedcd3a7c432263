"""The best there could have been: a linear programme (HiGHS) that knows arrivals, stays and who would accept whom.

Time is cut into steps. A stay from s to e holds a place from the step of s up to, not including, that of e: those are
together within a step's last moment, so every course of events is a solution, and the optimum is above any policy's.
It does without the time services take to answer. Starts are offered step by step at first, then ever more thinly; then
those of all starts that its prices show to be worth more are added, which is repeated (column generation), and the
bound of the last prices over all starts is told beside (`Hindsight.above`: how much higher the true optimum may be).

Categories have no service in common here, so each is solved for itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scipy.optimize import linprog
from scipy.sparse import coo_array

from .world import Arrival, World

STEPS = 12
"""To a mean stay. Fewer make the bound looser, since a stay counts in whole steps, rounded down."""
ROUNDS = 0
"""How often columns are added. Each time costs as much again, and has added 0.3 % at most."""


class Start(NamedTuple):
    """A need is taken on by a service in step `first`, and stays until step `last`."""

    need: int
    service: str
    first: int
    last: int
    value: float


@dataclass(slots=True)
class Hindsight:
    """`served`: the share of each need that is served (0 if not named). `values`: what that is worth.

    `above`: the relative distance from `total` to a bound that holds for all starts.
    """

    served: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    values: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    above: float = 0.0

    def value(self, needs: Iterable[Arrival]) -> float:
        """Of these needs."""
        return sum(self.values.get(each.number, 0.0) for each in needs)


def hindsight(world: World, steps: int = STEPS, rounds: int = ROUNDS) -> Hindsight:
    """The optimum of a whole scenario."""
    found, bounds, totals = Hindsight(), 0.0, 0.0
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
            found.served[start.need] += share
            found.values[start.need] += share * start.value
    found.above = bounds / totals - 1 if totals else 0.0
    return found


def starts(need: Arrival, step: float) -> Iterator[Start]:
    """All the ways to serve a need: at the first moment of each step that it is there."""
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
    """`shares` by column; `held` by service and step, the price of a place for that step, as sums from the first on."""

    shares: list[float]
    held: dict[str, list[float]]


def _solve(columns: list[Start], capacity: dict[str, int]) -> _Solved:
    """Maximise value: each need once at most; places held = held before + begun - ended, and no more than there are."""
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
    found = linprog(
        [-start.value for start in columns] + [0.0] * held,
        A_ub=once.tocsr(),
        b_ub=[1.0] * len(needs),
        A_eq=flow.tocsr(),
        b_eq=[0.0] * held,
        bounds=limits,
        method="highs-ipm",
    )
    assert found.status == 0, found.message
    prices = [max(0.0, -float(each)) for each in found.upper.marginals[count:]]
    sums: dict[str, list[float]] = {}
    for id_, number in services.items():
        total, run = 0.0, [0.0]
        for each in prices[number * steps : (number + 1) * steps]:
            total += each
            run.append(total)
        sums[id_] = run
    return _Solved([float(each) for each in found.x[:count]], sums)


def _price(needs: list[Arrival], step: float, capacity: dict[str, int], solved: _Solved) -> tuple[float, list[Start]]:
    """The bound of these prices over all starts, and the best start of each need at these prices."""
    bound = sum(run[-1] * capacity[id_] for id_, run in solved.held.items())
    found = []
    for need in needs:
        most, best = 0.0, None
        for start in starts(need, step):
            run = solved.held[start.service]
            net = start.value - (run[min(start.last, len(run) - 1)] - run[min(start.first, len(run) - 1)])
            if net > most:
                most, best = net, start
        bound += most
        if best is not None:
            found.append(best)
    return bound, found
