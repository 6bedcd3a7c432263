"""Prices of places: never negative, and a bound that is one, close to the best there is (HiGHS)."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import coo_array

from services.matching.pricing.shadow_prices import opportunity

Needs = list[dict[str, float]]
SERVICES = [f"s{number}" for number in range(6)]
values = st.floats(0, 8, allow_subnormal=False)
windows = st.lists(st.dictionaries(st.sampled_from(SERVICES), values, max_size=4), max_size=30)
places = st.fixed_dictionaries({service: st.integers(0, 5) for service in SERVICES})


def best(needs: Needs, capacities: dict[str, int]) -> float:
    """The optimum of the matching, by HiGHS."""
    edges = [(row, service, value) for row, need in enumerate(needs) for service, value in need.items()]
    if not edges:
        return 0.0
    column = {service: len(needs) + number for number, service in enumerate(capacities)}
    rows = [each for row, service, _ in edges for each in (row, column[service])]
    columns = [number for number in range(len(edges)) for _ in range(2)]
    shape = (len(needs) + len(capacities), len(edges))
    matrix = coo_array(([1.0] * len(rows), (rows, columns)), shape=shape).tocsr()
    limits = [1.0] * len(needs) + list(capacities.values())
    return float(-linprog([-value for *_, value in edges], A_ub=matrix, b_ub=limits, method="highs").fun)


def a_window(seed: int, services: int, needs: int, load: float) -> tuple[Needs, dict[str, int]]:
    """Needs of four urgencies; some services are wanted far more than others, some are large."""
    chance = random.Random(seed)
    sizes = [chance.choice([1, 2, 3, 5, 8, 20]) for _ in range(services)]
    capacities = {f"s{n}": max(1, round(size * needs / load / sum(sizes))) for n, size in enumerate(sizes)}
    window = []
    for _ in range(needs):
        weight = chance.choices((1, 2, 4, 8), (30, 40, 22, 8))[0]
        able = {int(chance.random() ** 1.5 * services) for _ in range(12)}
        window.append({f"s{each}": weight * (0.2 + 0.8 * chance.random()) for each in able})
    return window, capacities


@given(windows, places)
@settings(deadline=None)
def test_prices_are_not_negative_and_the_bound_is_one(needs: Needs, capacities: dict[str, int]) -> None:
    duals = opportunity(needs, capacities)
    assert all(price >= 0 for price in duals.prices.values())
    assert duals.bound >= best(needs, capacities) - 1e-6


@given(windows, places)
@settings(max_examples=30, deadline=None)
def test_the_bound_follows_from_the_prices(needs: Needs, capacities: dict[str, int]) -> None:
    """Anyone can check it: what the places cost, and what each need has left at its best."""
    duals = opportunity(needs, capacities)
    left = sum(max([0.0, *(v - duals.prices[s] for s, v in need.items() if s in duals.prices)]) for need in needs)
    assert duals.bound == pytest.approx(left + sum(duals.prices.get(s, 0) * c for s, c in capacities.items()))


@pytest.mark.parametrize(
    ("services", "needs", "load"),
    [(10, 200, 1.3), (30, 600, 0.8), (30, 600, 1.15), (30, 600, 1.6), (100, 1000, 3.0), (300, 600, 1.15)],
)
def test_the_bound_is_within_half_a_percent_of_the_solvers(services: int, needs: int, load: float) -> None:
    for seed in range(3):
        window, capacities = a_window(seed, services, needs, load)
        optimum = best(window, capacities)
        bound = opportunity(window, capacities).bound
        assert optimum - 1e-6 <= bound <= optimum * 1.005
