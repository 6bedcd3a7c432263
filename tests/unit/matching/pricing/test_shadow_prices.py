"""Shadow prices of small problems, computed by hand."""

import pytest

from services.matching.pricing.shadow_prices import opportunity


def test_the_scarce_place_has_the_price_of_the_need_that_goes_without() -> None:
    """Two needs compete for the one place of a; the second is worth 2 there, and 1 at b."""
    needs = [{"a": 4.0, "b": 1.0}, {"a": 2.0, "b": 1.0}]
    duals = opportunity(needs, {"a": 1, "b": 1})
    assert duals.bound == pytest.approx(5.0, rel=0.005)  # 4 at a, 1 at b
    assert duals.prices["a"] >= 1.0 - 0.02
    assert duals.prices["a"] <= 3.0 + duals.prices["b"] + 0.02
    assert duals.prices["b"] <= 1.0


def test_where_there_is_enough_for_all_places_cost_nothing() -> None:
    duals = opportunity([{"a": 4.0}, {"a": 2.0, "b": 1.0}], {"a": 2, "b": 1})
    assert duals.prices == {"a": 0.0, "b": 0.0}
    assert duals.bound == 6.0


def test_a_service_without_capacity_has_no_price_and_serves_nobody() -> None:
    duals = opportunity([{"a": 4.0}, {"a": 2.0, "b": 1.0}], {"a": 0})
    assert duals.prices == {}
    assert duals.bound == 0


def test_negative_input_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        opportunity([{"a": -1.0}], {"a": 1})
    with pytest.raises(ValueError, match="negative"):
        opportunity([{"a": 1.0}], {"a": -1})
