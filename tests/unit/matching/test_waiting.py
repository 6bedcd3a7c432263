"""Who is served first: class, then vulnerability, then age of the request; patience promotes by one class."""

from datetime import timedelta
from typing import Any

from contracts.words import Flag, Urgency
from services.matching.limits import Limits
from services.matching.waiting import Waiter, precedence, read, row
from tests.kit.builders import accepted, minimum
from tests.kit.clock import START

PATIENCE = Limits().patience


def waiter(need: str, since: float = 0, flags: list[Flag] | None = None, **changes: Any) -> Waiter:
    """`since` is hours before START."""
    asked = accepted(need_id=need, person=minimum(flags=flags or []), **changes)
    return Waiter(asked, (), START - timedelta(hours=since), 1)


def order(*waiters: Waiter) -> list[str]:
    return [each.id for each in sorted(waiters, key=lambda each: precedence(each, START, PATIENCE))]


def test_class_comes_before_vulnerability_and_that_before_age() -> None:
    normal = waiter("normal", urgency=Urgency.NORMAL, flags=[Flag.PREGNANT, Flag.DISABILITY])
    flagged = waiter("flagged", flags=[Flag.PREGNANT])
    older = waiter("older", requested_at=START - timedelta(days=1))
    emergency = waiter("emergency", urgency=Urgency.EMERGENCY)
    assert order(normal, older, flagged, emergency) == ["emergency", "flagged", "older", "normal"]


def test_out_of_patience_is_one_class_higher() -> None:
    patient = waiter("a-new", urgency=Urgency.URGENT)
    overdue = waiter("old", urgency=Urgency.NORMAL, since=15 * 24, requested_at=START - timedelta(days=15))
    assert order(patient, overdue) == ["old", "a-new"]
    overdue_emergency = waiter("z", urgency=Urgency.EMERGENCY, since=12)
    assert order(waiter("e", urgency=Urgency.EMERGENCY), overdue_emergency) == ["z", "e"]


def test_a_flag_named_twice_counts_once() -> None:
    twice = waiter("b", flags=[Flag.PREGNANT, Flag.PREGNANT])
    assert order(twice, waiter("a", flags=[Flag.DISABILITY])) == ["a", "b"]


def test_a_row_says_all_there_is_to_know() -> None:
    one = waiter("n1", since=3)
    assert read(row(one)) == one
