"""How long places are taken, estimated from stays."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.pricing.estimates import STRENGTH, mean_stays
from services.matching.pricing.observations import Stay
from tests.support.clock import START

HOUR = timedelta(hours=1)


def test_stays_that_last_count_too() -> None:
    """Ten people have stayed for 100 hours, one left after an hour: places are taken for far longer than an hour."""
    since = START - 100 * HOUR
    stays = [Stay("a", "shelter", since, None)] * 10 + [Stay("a", "shelter", since, since + HOUR)]
    assert mean_stays(stays, START)["a"] == 1001 * HOUR


@given(st.lists(st.tuples(st.integers(-50, 50), st.none() | st.integers(-50, 50))))
def test_a_mean_stay_is_never_negative(hours: list[tuple[int, int | None]]) -> None:
    """A price set is as of the beginning of its interval, so newer rows exist already. Clocks differ, too."""
    stays = [
        Stay("a", "shelter", START + since * HOUR, None if until is None else START + until * HOUR)
        for since, until in hours
    ]
    known = [each for each in stays if each.since < START]
    means = mean_stays(stays, START)
    assert means == mean_stays(known, START), "what came later is not known yet"
    assert all(timedelta(0) <= each <= (50 * len(known)) * HOUR for each in means.values())


def test_a_service_with_few_stays_is_estimated_like_its_category() -> None:
    long = [Stay("a", "shelter", START, START + 10 * HOUR)] * 100
    short = [Stay("b", "shelter", START, START + HOUR)]
    means = mean_stays([*long, *short, Stay("c", "legal-aid", START, None)], START + 10 * HOUR)
    common = 1001 / 101
    assert means["b"] / HOUR == pytest.approx((1 + STRENGTH * common) / (1 + STRENGTH))
    assert means["a"] / HOUR == pytest.approx(10, abs=0.01)
    assert "c" not in means, "no place of its category has returned yet"
