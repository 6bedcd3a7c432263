"""What answers and stays say of services."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.pricing.estimates import HALF_LIFE, STRENGTH, acceptance, answer_hours, mean_stays
from services.matching.pricing.observations import Answer, Stay
from tests.support.clock import START

TODAY = START.date()
HOUR = timedelta(hours=1)


def answers(service: str, *, yes: int = 0, no: int = 0, days_ago: int = 0) -> list[Answer]:
    day = TODAY - timedelta(days=days_ago)
    return [Answer(service, day, number < yes, 1.0) for number in range(yes + no)]


def test_before_anybody_has_answered_all_are_expected_to_accept() -> None:
    assert acceptance([], TODAY) == ({}, 1.0)


def test_one_answer_makes_no_reputation_and_many_do() -> None:
    others = answers("other", yes=50, no=50)
    (once, _), (often, common) = (acceptance(others + answers("a", no=no), TODAY) for no in (1, 40))
    assert once["a"] > 0.35
    assert often["a"] < 0.05
    assert often["other"] == pytest.approx(0.5, abs=0.02)
    assert common == pytest.approx(51 / 141, abs=1e-3)


def test_an_answer_counts_half_after_its_half_life() -> None:
    others = answers("other", yes=100, no=100)
    old, _ = acceptance(others + answers("a", no=20, days_ago=HALF_LIFE.days), TODAY)
    new, _ = acceptance(others + answers("a", no=10), TODAY)
    assert old["a"] == new["a"]


@given(st.lists(st.builds(Answer, st.sampled_from("abc"), st.just(TODAY), st.booleans(), st.none())))
def test_what_is_expected_of_a_service_lies_between_its_own_answers_and_what_all_have_in_common(
    told: list[Answer],
) -> None:
    found, common = acceptance(told, TODAY)
    assert found.keys() == {each.service for each in told}
    for service, expected in found.items():
        own = [each.accepted for each in told if each.service == service]
        low, high = sorted((sum(own) / len(own), common))
        assert low - 1e-3 <= expected <= high + 1e-3


def test_the_time_to_an_answer_is_a_median_and_silence_has_none() -> None:
    told = [Answer("a", TODAY, True, hours) for hours in (1.0, 2.0, 30.0)]
    told += [Answer("a", TODAY, False, None), Answer("silent", TODAY, False, None)]
    assert answer_hours(told) == {"a": 2.0}


def test_who_is_still_there_counts_too() -> None:
    """Ten are there for 100 hours, one has left after one: places are taken for far longer than an hour."""
    since = START - 100 * HOUR
    stays = [Stay("a", "shelter", since, None)] * 10 + [Stay("a", "shelter", since, since + HOUR)]
    assert mean_stays(stays, START)["a"] == 1001 * HOUR


@given(st.lists(st.tuples(st.integers(-50, 50), st.none() | st.integers(-50, 50))))
def test_no_time_is_less_than_none_whatever_was_written_down(told: list[tuple[int, int | None]]) -> None:
    """A set is as of when its interval began: rows that are newer are there already. Clocks differ, too."""
    stays = [
        Stay("a", "shelter", START + since * HOUR, None if until is None else START + until * HOUR)
        for since, until in told
    ]
    known = [each for each in stays if each.since < START]
    found = mean_stays(stays, START)
    assert found == mean_stays(known, START), "what came later is not known yet"
    assert all(timedelta(0) <= each <= (50 * len(known)) * HOUR for each in found.values())


def test_a_service_with_few_of_its_own_is_like_others_of_its_kind() -> None:
    long = [Stay("a", "shelter", START, START + 10 * HOUR)] * 100
    short = [Stay("b", "shelter", START, START + HOUR)]
    found = mean_stays([*long, *short, Stay("c", "legal-aid", START, None)], START + 10 * HOUR)
    common = 1001 / 101
    assert found["b"] / HOUR == pytest.approx((1 + STRENGTH * common) / (1 + STRENGTH))
    assert found["a"] / HOUR == pytest.approx(10, abs=0.01)
    assert "c" not in found, "nobody has left a place of its kind yet"
