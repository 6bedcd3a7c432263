"""What follows from a new need, and from the end of an attempt or of the need, on the real loop over memory twins."""

from datetime import time, timedelta
from typing import Any

import pytest

from contracts import matching, topics
from contracts.agency import Constraints
from contracts.notification import Declined, Delivered, Expired, NotDelivered, Revoked
from contracts.provider import Eligibility
from contracts.schedule import Opening, Schedule, Weekday
from contracts.words import Category, DeclineCode, ExpiryCode, Status, Urgency
from services.matching.capacity.places import document, match_id
from services.matching.domain.state import EndedNeed, WaitingNeed
from services.matching.eligibility.rules import RULES
from services.matching.model.limits import Limits
from services.matching.waitlist.queue import read
from tests.support.builders import minimum, service, withdrawn
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld
from tests.unit.matching.asking import answer, holds, kinds, need, world

# a new need -----------------------------------------------------------------------------------------------------------


def test_a_need_is_matched_with_a_place_the_reasons_and_the_funnel() -> None:
    made = world(1, 0)
    made.handle(need())
    kept, match = made.facts("n1")
    assert isinstance(kept, matching.NeedKept)
    assert isinstance(match, matching.Matched)
    assert (match.provider, match.service, match.slot, match.attempt) == ("p1", "beds", 0, 1)
    assert match.version == "p1/beds@1"
    assert match.match_id == match_id("n1", 1)
    assert [step.left for step in match.funnel] == [2] * (len(RULES) + 1) + [1]
    assert {reason.term for reason in match.reasons} == {"distance", "free-share", "language", "preference", "score"}
    assert made.rows == {"p1/beds:0": document("n1", match.match_id, "p1/beds", "r1")}


def test_what_others_follow_goes_to_matchings_topic_under_the_referral() -> None:
    made = world(1)
    made.handle(need())
    (record,) = made.log.read(topics.MATCHING)
    assert record.key == b"r1"
    assert dict(record.headers)["ce_type"] == matching.Matched.ce_type().encode()


def test_without_a_service_the_need_waits_and_the_agency_learns_why() -> None:
    made = world()
    made.handle(need(urgency=Urgency.EMERGENCY))
    waits = made.facts("n1")[-1]
    assert isinstance(waits, matching.Waiting)
    assert (waits.since, waits.until) == (START, START + timedelta(hours=24))
    assert [(step.rule.value, step.left) for step in waits.funnel] == [("category", 0)]
    assert read(made.waiting["n1:1"]).need == need(urgency=Urgency.EMERGENCY)


def test_a_new_need_leaves_a_place_to_a_waiting_need_that_ranks_above_it() -> None:
    made = world(0)
    made.handle(need(1, urgency=Urgency.EMERGENCY))
    made.publish(service(capacity=1), "p1")  # n1 has not been recalled yet
    made.handle(need(2, urgency=Urgency.NORMAL))
    assert isinstance(made.state("n2"), WaitingNeed)
    made.run_sweep()
    assert holds(made) == {"p1/beds:0": "n1"}


def test_a_new_need_takes_a_place_before_a_waiting_need_that_ranks_below_it() -> None:
    made = world(0)
    made.handle(need(1, urgency=Urgency.NORMAL))
    made.publish(service(capacity=1), "p1")
    made.handle(need(2, urgency=Urgency.EMERGENCY))
    assert holds(made) == {"p1/beds:0": "n2"}


def test_needs_of_one_batch_do_not_take_the_same_place() -> None:
    made = world(1, 1)
    made.handle(need(1), need(2), need(3))
    assert sorted(holds(made).values()) == ["n1", "n2"]
    assert isinstance(made.state("n3"), WaitingNeed)


# an attempt ends ------------------------------------------------------------------------------------------------------


def test_a_refusal_releases_the_place_and_leads_to_the_next_service() -> None:
    made = world(1, 1)
    made.handle(need(), answer(Declined, code=DeclineCode.NOT_ELIGIBLE))
    assert kinds(made) == ["NeedKept", "Matched", "AttemptEnded", "Matched"]
    assert holds(made) == {"p2/beds:0": "n1"}
    assert made.record("n1").attempt == 2


def test_silence_and_an_undeliverable_offer_are_refusals_too() -> None:
    made = world(1, 1)
    made.handle(need(), answer(Expired), answer(Expired, attempt=2, undeliverable=True))
    ended = [fact for fact in made.facts("n1") if isinstance(fact, matching.AttemptEnded)]
    assert [(each.service, each.code, each.for_good) for each in ended] == [
        ("p1/beds", "expired", False),
        ("p2/beds", "undeliverable", False),
    ]


def test_an_accepted_need_that_is_not_started_releases_its_place_and_is_offered_on() -> None:
    made = world(1, 1)
    made.handle(need(), answer(Expired, code=ExpiryCode.NOT_STARTED))
    ended = [fact for fact in made.facts("n1") if isinstance(fact, matching.AttemptEnded)]
    assert [(each.code, each.for_good) for each in ended] == [("not-started", False)]
    assert holds(made) == {"p2/beds:0": "n1"}


def test_a_match_passes_the_opening_hours_on() -> None:
    hours = Schedule(
        timezone="Europe/Minsk",
        openings=[Opening(days=[Weekday.MONDAY], opens_at=time(9), closes_at=time(17))],
    )
    made = world()
    made.publish(service(schedule=hours), "p1")
    made.handle(need())
    (match,) = [fact for fact in made.facts("n1") if isinstance(fact, matching.Matched)]
    assert match.schedule == hours


def test_a_service_that_was_silent_is_asked_again_after_a_time_or_a_newer_entry() -> None:
    made = world(1)
    made.handle(need(), answer(Expired))
    made.run_sweep()
    assert isinstance(made.state("n1"), WaitingNeed)
    made.elapse(hours=24)
    made.run_sweep()
    assert made.record("n1").attempt == 2
    made.handle(answer(Expired, attempt=2))
    made.publish(service(capacity=1), "p1")
    made.run_sweep()
    assert made.record("n1").attempt == 3


def test_an_entry_published_before_the_silence_ends_does_not_lift_it() -> None:
    made = world(1)
    made.handle(need())
    made.publish(service(capacity=1), "p1")
    made.handle(answer(Expired))
    made.run_sweep()
    assert isinstance(made.state("n1"), WaitingNeed)


def test_a_service_that_said_unsafe_is_never_asked_again() -> None:
    made = world(1)
    made.handle(need(), answer(Declined, code=DeclineCode.UNSAFE))
    made.publish(service(capacity=5), "p1")
    made.elapse(hours=100)
    made.run_sweep()
    assert isinstance(made.state("n1"), WaitingNeed)


def test_after_the_last_allowed_attempt_the_need_is_unmet_though_places_are_free() -> None:
    made = world(1, 1, 1, max_attempts=2)
    made.handle(need(), answer(Expired), answer(Expired, attempt=2))
    unmet = made.facts("n1")[-1]
    assert isinstance(unmet, matching.Unmet)
    assert (unmet.cause, unmet.attempt) == ("attempts-exhausted", 2)
    assert holds(made) == {}


@pytest.mark.parametrize("kind", [Declined, Expired])
def test_a_refusal_of_another_attempt_changes_nothing(kind: Any) -> None:
    made = world(1, 1, 1)
    made.handle(need(), answer(Expired))
    before = made.state("n1")
    made.handle(answer(kind), answer(kind, attempt=3), answer(Revoked))
    assert made.state("n1") == before


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (answer(Delivered), "delivered"),
        (answer(Delivered, partly=True), "partly-delivered"),
        (answer(NotDelivered), "not-delivered"),
    ],
)
def test_the_end_of_a_need_releases_its_place(event: Any, end: str) -> None:
    made = world(1)
    made.handle(need(), event)
    ended = made.facts("n1")[-1]
    assert isinstance(ended, matching.NeedEnded)
    assert ended.end == end
    assert holds(made) == {}


@pytest.mark.parametrize("places", [0, 1], ids=["waiting", "matched again"])
def test_a_need_that_was_helped_just_as_its_match_was_revoked_is_not_offered_on(places: int) -> None:
    made = world(1, places)
    made.handle(need(), need(revision=1, constraints=Constraints(not_providers=["p1"])))
    made.handle(answer(Delivered))
    assert isinstance(made.state("n1"), EndedNeed)
    revoked = [fact.attempt for fact in made.facts("n1") if isinstance(fact, matching.MatchRevoked)]
    assert revoked == ([1, 2] if places else [1])
    assert holds(made) == {}
    assert not made.waiting


def test_an_ended_need_stays_ended() -> None:
    made = world(1)
    made.handle(need(), answer(Delivered))
    before = made.state("n1")
    made.handle(withdrawn(need_id="n1", referral_id="r1"), need(revision=1), answer(Expired))
    assert made.state("n1") == before


# what a provider learns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "limits", "disclosed"),
    [
        ({}, {}, None),
        ({}, {"statuses": [Status.PROTECTED]}, Status.PROTECTED),
        ({"urgency": Urgency.EMERGENCY}, {"statuses": [Status.PROTECTED]}, None),
        ({"category": Category.HEALTH}, {"not_statuses": [Status.IRREGULAR]}, None),
    ],
    ids=["no rule", "a rule", "in an emergency", "health"],
)
def test_residence_status_is_disclosed_only_where_a_rule_uses_it(
    changes: dict[str, Any], limits: dict[str, Any], disclosed: Status | None
) -> None:
    made = MatchingWorld(Limits())
    offered = [Category.SHELTER, Category.HEALTH]
    made.publish(service(categories=offered, capacity=9, eligibility=Eligibility(**limits)), "p1")
    protected = minimum(status=Status.PROTECTED)
    made.handle(need(person=protected, companions=[protected], places=2, **changes))
    (match,) = made.matches("n1")
    assert [match.person.status, *(each.status for each in match.companions)] == [disclosed, disclosed]
