"""Prices come from the needs of the last days and the places there will be."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from contracts.words import Urgency
from services.matching.directory.directory import Directory
from services.matching.pricing.price_set import WINDOW, AskedNeed, Supply, asked_need, price_set
from services.matching.ranking.score import URGENCY_WEIGHTS, fit
from tests.support.builders import accepted, service
from tests.support.clock import START

NOW = START + WINDOW
DAY = timedelta(days=1)


def daily(*worth: dict[str, float], days: int = 10) -> list[AskedNeed]:
    """These needs on each day, up to now."""
    return [AskedNeed(NOW - DAY * (number + 0.5), each) for number in range(days) for each in worth]


def prices(needs: Sequence[AskedNeed], *supply: Supply) -> dict[str, float]:
    return price_set("p", needs, supply, START, NOW).prices


def test_a_need_is_worth_its_urgency_times_its_fit_at_each_service() -> None:
    directory = Directory()
    for offset, provider in enumerate(("p1", "p2", "closed")):
        directory.put(provider, "beds", offset, service(takes_referrals=provider != "closed"))
    need = accepted(urgency=Urgency.URGENT)
    recorded = asked_need(need, directory)
    entry = directory.get("p1/beds")
    assert entry is not None
    assert recorded.at == need.requested_at
    assert recorded.worth.keys() == {"p1/beds", "p2/beds"}
    assert recorded.worth["p1/beds"] == pytest.approx(URGENCY_WEIGHTS[Urgency.URGENT] * fit(need, entry))


def test_places_that_are_not_scarce_cost_nothing() -> None:
    assert prices(daily({"a": 3.0}), Supply("a", 5, 0, stay=DAY)) == {}
    assert prices([], Supply("a", 1, 0, stay=DAY)) == {}


def test_a_scarce_place_costs_what_it_is_worth_to_the_need_that_goes_without() -> None:
    """Two needs a day for one place: the one worth less goes without, and would pay what it is worth."""
    priced = prices(daily({"a": 8.0}, {"a": 1.0}), Supply("a", 1, 1, stay=DAY))
    assert priced["a"] >= 1.0 - 0.05


def test_the_longer_people_stay_the_more_a_place_costs() -> None:
    needs = daily({"a": 8.0}, {"a": 1.0})
    short, long = (prices(needs, Supply("a", 1, 0, stay=DAY * days)) for days in (0.4, 1.6))
    assert short == {}
    assert long["a"] > 5


def test_with_an_alternative_no_more_is_charged_than_the_difference() -> None:
    priced = prices(daily({"a": 8.0, "b": 7.0}, {"a": 8.0, "b": 7.0}), Supply("a", 1, 0, DAY), Supply("b", 9, 0, DAY))
    assert priced["a"] == pytest.approx(1.0, abs=0.1)
    assert "b" not in priced


def test_of_a_quota_only_the_places_left_count_until_it_is_renewed() -> None:
    """One need a day, worth 4 and 2 in turn, and 10 days to go."""
    needs = daily({"a": 4.0}, days=5) + [AskedNeed(NOW - DAY * (5.5 + number), {"a": 2.0}) for number in range(5)]
    ample, scarce = (
        price_set("p", needs, [Supply("a", 100, free, renewed=NOW + DAY * 10)], START, NOW) for free in (20, 5)
    )
    assert ample.prices == {}
    assert 2 - 0.1 <= scarce.prices["a"] <= 4
    assert scarce.used_up == ["a"]
    over = price_set("p", needs, [Supply("a", 100, 5, renewed=NOW)], START, NOW)
    assert (over.prices, over.used_up) == ({}, [])


def test_needs_before_the_window_do_not_count() -> None:
    old = [AskedNeed(NOW - WINDOW - DAY, {"a": 8.0})] * 50
    made = price_set("p", old, [Supply("a", 1, 0, stay=DAY)], NOW - 3 * WINDOW, NOW)
    assert made.prices == {}
    assert made.window == WINDOW.total_seconds()


def test_a_short_past_does_not_mean_small_demand() -> None:
    """Two of ten days are known: demand is computed from the two."""
    needs = daily({"a": 8.0}, {"a": 1.0}, days=2)
    made = price_set("p", needs, [Supply("a", 1, 0, stay=DAY)], NOW - 2 * DAY, NOW)
    assert made.prices["a"] >= 1.0 - 0.05
