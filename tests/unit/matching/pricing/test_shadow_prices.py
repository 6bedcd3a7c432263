"""Prices of places, by hand and against known figures."""

from math import isclose

import pytest

from services.matching.pricing.shadow_prices import blocking, of_place, opportunity, reserve


@pytest.mark.parametrize(
    ("load", "places", "expected"),
    [
        (1.0, 1, 0.5),
        (1.0, 2, 0.2),
        (2.0, 2, 0.4),
        (2.0, 3, 4 / 19),
        (10.0, 10, 0.2146),
        (20.0, 30, 0.0085),
        (5.0, 0, 1),
    ],
)
def test_blocking_is_what_erlang_tabulated(load: float, places: int, expected: float) -> None:
    assert isclose(blocking(load, places), expected, abs_tol=5e-5)


def test_reserve_is_the_ratio_of_two_blockings() -> None:
    assert isclose(reserve(8, 2.0, 3, 1), 8 * blocking(2.0, 3) / blocking(2.0, 1))
    assert isclose(reserve(8, 2.0, 3, 0), 8 * 4 / 19)
    assert reserve(8, 2.0, 3, 3) == 8


def test_nobody_more_urgent_means_no_reserve() -> None:
    assert reserve(8, 0.0, 3, 0) == 0
    assert reserve(8, 0.0, 3, 2) == 0


def test_reserve_of_a_large_service_with_little_demand_does_not_overflow() -> None:
    assert reserve(8, 0.001, 1000, 0) == pytest.approx(0)
    assert reserve(8, 0.001, 1000, 999) == pytest.approx(8e-6)


def test_the_scarce_place_has_the_price_of_the_need_that_goes_without() -> None:
    """Two needs want the one place of a; the second of them gets nothing less than 2 there, and has 1 at b."""
    needs = [{"a": 4.0, "b": 1.0}, {"a": 2.0, "b": 1.0}]
    found = opportunity(needs, {"a": 1, "b": 1})
    assert found.bound == pytest.approx(5.0, rel=0.005)  # 4 at a, 1 at b
    assert found.prices["a"] >= 1.0 - 0.02
    assert found.prices["a"] <= 3.0 + found.prices["b"] + 0.02
    assert found.prices["b"] <= 1.0


def test_where_there_is_enough_for_all_places_cost_nothing() -> None:
    found = opportunity([{"a": 4.0}, {"a": 2.0, "b": 1.0}], {"a": 2, "b": 1})
    assert found.prices == {"a": 0.0, "b": 0.0}
    assert found.bound == 6.0


def test_a_service_without_capacity_has_no_price_and_serves_nobody() -> None:
    found = opportunity([{"a": 4.0}, {"a": 2.0, "b": 1.0}], {"a": 0})
    assert found.prices == {}
    assert found.bound == 0


def test_negative_input_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        opportunity([{"a": -1.0}], {"a": 1})
    with pytest.raises(ValueError, match="negative"):
        opportunity([{"a": 1.0}], {"a": -1})


def test_a_price_weighs_less_the_more_urgent_the_need() -> None:
    assert of_place(1, 0.1, 3, 0.5) == pytest.approx(0.45)
    assert of_place(8, 0.1, 3, 0.5) == pytest.approx(0.45 / 8)
    assert of_place(8, 0, 3, 0) == 0
