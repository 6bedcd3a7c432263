"""The order of the waiting list, point by point."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.words import AgeBand, Flag, Sex, Status, Urgency
from services.matching.waitlist.precedence import (
    MOST_VULNERABLE,
    TOP,
    Precedence,
    age_band,
    class_of,
    precedence,
    vulnerability,
    worth,
)
from tests.support.builders import accepted, minimum
from tests.support.clock import START

PATIENCE = timedelta(hours=12)


def key(
    waited: float = 0, net: float = 0.5, options: int | None = 3, flags: list[Flag] | None = None, **changes: Any
) -> Precedence:
    """`waited` is a share of its patience."""
    need = accepted(**{"person": minimum(flags=flags or []), **changes})
    return precedence(need, PATIENCE * waited, PATIENCE, net, options)


@pytest.mark.parametrize(
    ("waited", "classes"),
    [(0.0, (4, 2, 0)), (0.6, (4, 2, 0)), (2 / 3, (5, 3, 1)), (0.99, (5, 3, 1)), (1.0, (TOP, TOP, TOP))],
)
def test_the_class_rises_by_one_and_then_to_the_top(waited: float, classes: tuple[int, ...]) -> None:
    assert tuple(class_of(urgency, PATIENCE * waited, PATIENCE) for urgency in Urgency) == classes


def test_class_then_vulnerability_then_age_band_then_worth_then_arrival() -> None:
    earlier = {"requested_at": START - timedelta(days=9)}
    order = [
        key(waited=1.0, net=0.0, urgency=Urgency.NORMAL),
        key(urgency=Urgency.EMERGENCY, net=0.0),
        key(flags=[Flag.PREGNANT, Flag.DISABILITY], net=0.0),
        key(flags=[Flag.PREGNANT], waited=0.5, net=0.1),
        key(flags=[Flag.PREGNANT], net=0.9),
        key(net=0.5, options=1),
        key(net=0.6, options=3),
        key(net=0.5, **earlier),
        key(net=0.5, need_id="a"),
        key(net=0.5, need_id="b"),
        key(urgency=Urgency.NORMAL, flags=list(Flag), waited=0.6, options=1),
    ]
    assert order == sorted(order)
    assert len(set(order)) == len(order)


def test_in_the_top_class_only_arrival_counts() -> None:
    first = key(waited=1.0, net=0.0, options=99, urgency=Urgency.NORMAL, requested_at=START - timedelta(hours=1))
    later = key(waited=3.0, net=1.0, options=1, urgency=Urgency.EMERGENCY, flags=list(Flag))
    assert first < later


def test_the_age_band_is_half_the_patience() -> None:
    assert [age_band(PATIENCE * share, PATIENCE) for share in (0, 0.49, 0.5, 0.99)] == [0, 0, 1, 1]


def test_few_options_are_worth_less_than_a_much_better_fit() -> None:
    assert worth(0.5, 1) == 1.0
    assert worth(0.5, 3) == 0.6667
    assert worth(0.5, 0) == worth(0.5, 1), "who has nowhere to go yet is as one who has one"
    assert worth(0.5, None) == 0.5


def test_a_sign_counts_once_among_all_people_and_no_more_than_so_many_count() -> None:
    pregnant, disabled = minimum(flags=[Flag.PREGNANT, Flag.PREGNANT]), minimum(flags=[Flag.DISABILITY])
    assert vulnerability([pregnant]) == vulnerability([pregnant, pregnant]) == 1
    assert vulnerability([pregnant, disabled]) == 2
    assert vulnerability([minimum(flags=list(Flag))]) == MOST_VULNERABLE


def test_a_child_and_an_old_person_are_vulnerable_by_age_alone() -> None:
    assert [vulnerability([minimum(age_band=band)]) for band in AgeBand] == [1, 1, 1, 0, 1]
    alone = minimum(age_band=AgeBand.CHILD, flags=[Flag.UNACCOMPANIED_CHILD])
    assert vulnerability([alone]) == 2
    assert vulnerability([minimum(flags=[Flag.SEPARATED_CHILD])]) == 2, "whatever the band says"


@pytest.mark.parametrize(
    "changes",
    [{"sex": sex} for sex in Sex]
    + [{"status": status} for status in Status]
    + [{"languages": languages} for languages in (["ps"], ["en", "fr"])],
)
def test_no_protected_attribute_has_a_say(changes: dict[str, Any]) -> None:
    assert key(person=minimum(**changes)) == key(person=minimum())
