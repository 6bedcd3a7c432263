"""Places that are used up: help uses one up, and it returns when the quota is renewed."""

from datetime import timedelta

import pytest

from contracts import notification
from contracts.matching import PlaceDoubtful
from contracts.words import Lifecycle, Urgency
from services.matching.domain.state import EndedNeed, MatchedNeed, WaitingNeed
from services.matching.model.limits import Limits
from tests.support.builders import accepted, of_offer, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

UNTIL = (START + timedelta(days=60)).date()
ONE_BY_ONE = Limits(at_once=dict.fromkeys(Urgency, 1))


@pytest.fixture
def made() -> MatchingWorld:
    world = MatchingWorld(ONE_BY_ONE)
    world.publish(service(capacity=1, quota_until=UNTIL), "p1")
    world.handle(accepted(need_id="n1"))
    return world


def ends(made: MatchingWorld, kind: type[notification.Delivered], **changes: object) -> None:
    made.handle(of_offer(kind, 1, made.clock.now(), need_id="n1", provider="p1", **changes))


def test_a_place_that_was_used_stays_taken(made: MatchingWorld) -> None:
    ends(made, notification.Delivered)
    assert isinstance(made.state("n1"), EndedNeed)
    made.handle(accepted(need_id="n2", referral_id="r2"))
    assert isinstance(made.state("n2"), WaitingNeed)
    made.run_sweep()  # the sweep checks every row
    made.handle(PlaceDoubtful(referral_id="r", need_id="n1", row="p1/beds:0", match_id=_match(made)))
    assert made.rows.keys() == {"p1/beds:0"}


def test_it_returns_when_the_quota_is_renewed(made: MatchingWorld) -> None:
    ends(made, notification.Delivered)
    made.clock.advance(days=60, hours=15)
    made.run_sweep()
    assert made.rows, "the last day is one of it"
    made.clock.advance(hours=1)
    made.publish(service(capacity=1, quota_until=UNTIL + timedelta(days=365)), "p1")
    made.run_sweep()
    assert not made.rows
    made.handle(accepted(need_id="n2", referral_id="r2"))
    assert isinstance(made.state("n2"), MatchedNeed)


def test_a_person_who_was_not_helped_uses_up_no_place(made: MatchingWorld) -> None:
    ends(made, notification.NotDelivered)
    assert not made.rows


def test_an_answer_that_comes_again_uses_up_no_second_place(made: MatchingWorld) -> None:
    ends(made, notification.Delivered, partly=True)
    ends(made, notification.Delivered, partly=True)
    assert [fact.end for fact in made.facts("n1") if hasattr(fact, "end")] == [Lifecycle.PARTLY_DELIVERED]
    assert made.rows.keys() == {"p1/beds:0"}


def test_a_household_uses_a_place_each() -> None:
    made = MatchingWorld(ONE_BY_ONE)
    made.publish(service(capacity=3, quota_until=UNTIL), "p1")
    made.handle(accepted(need_id="n1", companions=[accepted().person], places=2))
    ends(made, notification.Delivered)
    assert len(made.rows) == 2


def _match(made: MatchingWorld) -> str:
    return str(made.rows["p1/beds:0"]["match"])
