"""What follows from each event, one need at a time, on the real loop over memory twins."""

from datetime import time, timedelta
from typing import Any

import pytest

from contracts import matching, topics
from contracts.agency import Constraints
from contracts.intake import Accepted, Region
from contracts.matching import PlaceDoubtful
from contracts.notification import Declined, Delivered, Expired, NotDelivered, Revoked
from contracts.operations import TimerElapsed
from contracts.provider import Eligibility
from contracts.schedule import Opening, Schedule, Weekday
from contracts.words import Category, DeclineCode, ExpiryCode, Status, Urgency
from services.matching.limits import Limits
from services.matching.places import document, match_id
from services.matching.state import Phase
from services.matching.waiting import read
from tests.kit.builders import accepted, minimum, of_offer, service, withdrawn
from tests.kit.clock import START
from tests.kit.matching import MatchingWorld


def need(number: int = 1, **changes: Any) -> Accepted:
    return accepted(need_id=f"n{number}", referral_id=f"r{number}", reference=f"R-{number}", **changes)


def world(*capacities: int, **limits: Any) -> MatchingWorld:
    """Providers p1, p2, ... with a service ``beds`` each. The lower number is the better one while equally free."""
    made = MatchingWorld(Limits(**limits))
    for number, capacity in enumerate(capacities, 1):
        made.publish(service(capacity=capacity), f"p{number}")
    return made


def answer(kind: Any, number: int = 1, attempt: int = 1, **changes: Any) -> Any:
    return of_offer(kind, attempt, need_id=f"n{number}", referral_id=f"r{number}", **changes)


def kinds(made: MatchingWorld, number: int = 1) -> list[str]:
    return [type(fact).__name__ for fact in made.facts(f"n{number}")]


def holds(made: MatchingWorld) -> dict[str, str]:
    return {row: doc["need"] for row, doc in made.rows.items()}


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
    assert [step.left for step in match.funnel] == [2] * 13 + [1]
    assert {reason.term for reason in match.reasons} == {"distance", "free-share", "language", "preference", "score"}
    assert made.rows == {"p1/beds:0": document("n1", match.match_id, "p1/beds", "r1")}


def test_what_others_follow_goes_to_matchings_topic_under_the_referral() -> None:
    made = world(1)
    made.handle(need())
    (record,) = made.log.read(topics.MATCHING)
    assert record.key == b"r1"
    assert dict(record.headers)["ce_type"] == matching.Matched.ce_type().encode()


def test_no_service_means_waiting_and_the_agency_is_told_why() -> None:
    made = world()
    made.handle(need(urgency=Urgency.EMERGENCY))
    waits = made.facts("n1")[-1]
    assert isinstance(waits, matching.Waiting)
    assert (waits.since, waits.until) == (START, START + timedelta(hours=24))
    assert [(step.rule.value, step.left) for step in waits.funnel] == [("category", 0)]
    assert read(made.waiting["n1:1"]).need == need(urgency=Urgency.EMERGENCY)


def test_a_new_need_passes_over_a_place_that_belongs_to_one_who_waits_and_ranks_above_it() -> None:
    made = world(0)
    made.handle(need(1, urgency=Urgency.EMERGENCY))
    made.publish(service(capacity=1), "p1")  # n1 has not been told yet
    made.handle(need(2, urgency=Urgency.NORMAL))
    assert made.state("n2").phase is Phase.WAITING
    made.look()
    assert holds(made) == {"p1/beds:0": "n1"}


def test_a_new_need_takes_a_place_before_one_who_waits_and_ranks_below_it() -> None:
    made = world(0)
    made.handle(need(1, urgency=Urgency.NORMAL))
    made.publish(service(capacity=1), "p1")
    made.handle(need(2, urgency=Urgency.EMERGENCY))
    assert holds(made) == {"p1/beds:0": "n2"}


def test_needs_of_one_batch_do_not_take_the_same_place() -> None:
    made = world(1, 1)
    made.handle(need(1), need(2), need(3))
    assert sorted(holds(made).values()) == ["n1", "n2"]
    assert made.state("n3").phase is Phase.WAITING


# an attempt ends ------------------------------------------------------------------------------------------------------


def test_a_refusal_gives_the_place_back_and_leads_to_the_next_service() -> None:
    made = world(1, 1)
    made.handle(need(), answer(Declined, code=DeclineCode.NOT_ELIGIBLE))
    assert kinds(made) == ["NeedKept", "Matched", "AttemptEnded", "Matched"]
    assert holds(made) == {"p2/beds:0": "n1"}
    assert made.state("n1").attempt == 2


def test_silence_and_an_offer_that_could_not_be_delivered_are_refusals_too() -> None:
    made = world(1, 1)
    made.handle(need(), answer(Expired), answer(Expired, attempt=2, undeliverable=True))
    ended = [fact for fact in made.facts("n1") if isinstance(fact, matching.AttemptEnded)]
    assert [(each.service, each.code, each.for_good) for each in ended] == [
        ("p1/beds", "expired", False),
        ("p2/beds", "undeliverable", False),
    ]


def test_what_was_accepted_and_not_started_gives_its_place_back_and_goes_on() -> None:
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
    made.look()
    assert made.state("n1").phase is Phase.WAITING
    made.elapse(hours=24)
    made.look()
    assert made.state("n1").attempt == 2
    made.handle(answer(Expired, attempt=2))
    made.publish(service(capacity=1), "p1")
    made.look()
    assert made.state("n1").attempt == 3


def test_an_entry_published_before_the_silence_ends_does_not_lift_it() -> None:
    made = world(1)
    made.handle(need())
    made.publish(service(capacity=1), "p1")
    made.handle(answer(Expired))
    made.look()
    assert made.state("n1").phase is Phase.WAITING


def test_a_service_that_said_unsafe_is_never_asked_again() -> None:
    made = world(1)
    made.handle(need(), answer(Declined, code=DeclineCode.UNSAFE))
    made.publish(service(capacity=5), "p1")
    made.elapse(hours=100)
    made.look()
    assert made.state("n1").phase is Phase.WAITING


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
def test_the_end_of_a_need_gives_its_place_back(event: Any, end: str) -> None:
    made = world(1)
    made.handle(need(), event)
    ended = made.facts("n1")[-1]
    assert isinstance(ended, matching.NeedEnded)
    assert ended.end == end
    assert holds(made) == {}


@pytest.mark.parametrize("places", [0, 1], ids=["waiting", "matched anew"])
def test_a_need_that_was_helped_just_as_its_match_was_taken_back_is_not_offered_on(places: int) -> None:
    made = world(1, places)
    made.handle(need(), need(revision=1, constraints=Constraints(not_providers=["p1"])))
    made.handle(answer(Delivered))
    assert made.state("n1").phase is Phase.ENDED
    revoked = [fact.attempt for fact in made.facts("n1") if isinstance(fact, matching.MatchRevoked)]
    assert revoked == ([1, 2] if places else [1])
    assert holds(made) == {}
    assert not made.waiting


def test_ended_stays_ended() -> None:
    made = world(1)
    made.handle(need(), answer(Delivered))
    before = made.state("n1")
    made.handle(withdrawn(need_id="n1", referral_id="r1"), need(revision=1), answer(Expired))
    assert made.state("n1") == before


# what a provider is told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "limits", "told"),
    [
        ({}, {}, None),
        ({}, {"statuses": [Status.PROTECTED]}, Status.PROTECTED),
        ({"urgency": Urgency.EMERGENCY}, {"statuses": [Status.PROTECTED]}, None),
        ({"category": Category.HEALTH}, {"not_statuses": [Status.IRREGULAR]}, None),
    ],
    ids=["no rule", "a rule", "in an emergency", "health"],
)
def test_residence_status_is_told_only_where_a_rule_looks_at_it(
    changes: dict[str, Any], limits: dict[str, Any], told: Status | None
) -> None:
    made = MatchingWorld(Limits())
    offered = [Category.SHELTER, Category.HEALTH]
    made.publish(service(categories=offered, capacity=9, eligibility=Eligibility(**limits)), "p1")
    protected = minimum(status=Status.PROTECTED)
    made.handle(need(person=protected, companions=[protected], places=2, **changes))
    (match,) = made.state("n1").matches
    assert [match.person.status, *(each.status for each in match.companions)] == [told, told]


# withdrawn, corrected -------------------------------------------------------------------------------------------------


def test_withdrawing_a_matched_need_revokes_the_match_and_gives_the_place_back() -> None:
    made = world(1)
    made.handle(need(), withdrawn(need_id="n1", referral_id="r1"))
    revoked = made.facts("n1")[2]
    assert isinstance(revoked, matching.MatchRevoked)
    assert (revoked.attempt, revoked.provider, revoked.cause) == (1, "p1", "withdrawn")
    assert kinds(made) == ["NeedKept", "Matched", "MatchRevoked", "NeedEnded"]
    assert holds(made) == {}


def test_withdrawing_a_waiting_need_takes_it_off_the_list() -> None:
    made = world(0)
    made.handle(need(), withdrawn(need_id="n1", referral_id="r1"))
    assert made.waiting == {}
    assert kinds(made) == ["NeedKept", "Waiting", "NeedEnded"]


def test_withdrawing_a_need_nobody_has_heard_of_is_of_no_consequence() -> None:
    made = world()
    made.handle(withdrawn(need_id="n1", referral_id="r1"))
    assert made.facts("n1") == []


def test_a_correction_keeps_a_match_that_still_holds() -> None:
    made = world(1)
    made.handle(need(), need(revision=1, urgency=Urgency.EMERGENCY))
    assert kinds(made) == ["NeedKept", "Matched", "NeedKept"]


def test_a_correction_keeps_a_match_with_a_service_that_has_closed_since() -> None:
    made = world(1)
    made.handle(need())
    made.publish(service(takes_referrals=False), "p1")
    made.handle(need(revision=1))
    made.publish(None, "p1", "beds")
    made.handle(need(revision=2))
    assert kinds(made) == ["NeedKept", "Matched", "NeedKept", "NeedKept"]


@pytest.mark.parametrize("changes", [{"region": Region(admin1="BY-MI")}, {"category": Category.LEGAL}])
def test_a_correction_that_breaks_the_match_revokes_it_and_matches_anew(changes: dict[str, Any]) -> None:
    made = MatchingWorld()
    both = [Category.SHELTER, Category.LEGAL]
    made.publish(service(capacity=1, areas=["BY-BR"], categories=both), "p1")
    made.handle(need())
    made.publish(service(capacity=1, areas=["BY-MI"], categories=both), "p2")
    made.handle(need(revision=1, **changes))
    assert kinds(made)[:4] == ["NeedKept", "Matched", "NeedKept", "MatchRevoked"]
    assert made.facts("n1")[3].cause == "corrected"  # type: ignore[attr-defined]


@pytest.mark.parametrize("entry", [service(takes_referrals=False), None])
def test_a_match_without_consent_is_revoked_also_where_the_service_has_closed_or_is_gone(entry: Any) -> None:
    made = world(1)
    made.handle(need())
    made.publish(entry, "p1", "beds")
    made.handle(need(revision=1, recipients=["p2"]))
    assert kinds(made) == ["NeedKept", "Matched", "NeedKept", "MatchRevoked", "Waiting"]
    assert holds(made) == {}


def test_a_wider_consent_finds_a_place_for_who_waits() -> None:
    made = world(1)
    made.handle(need(recipients=["p2"]))
    made.handle(need(revision=1, recipients=["p1", "p2"]))
    assert holds(made) == {"p1/beds:0": "n1"}


def test_an_older_or_equal_revision_is_ignored() -> None:
    made = world(1)
    made.handle(need(revision=2))
    made.handle(need(revision=2, urgency=Urgency.NORMAL), need(revision=1, urgency=Urgency.NORMAL))
    assert kinds(made) == ["NeedKept", "Matched"]


def test_a_correction_of_a_waiting_need_tries_again_and_keeps_the_end_of_the_wait() -> None:
    made = world()
    made.handle(need())
    made.clock.advance(hours=5)
    made.handle(need(revision=1, category=Category.LEGAL))
    first, second = (fact for fact in made.facts("n1") if isinstance(fact, matching.Waiting))
    assert (first.since, first.until) == (second.since, second.until)
    assert made.waiting.keys() == {"n1:2"}
    assert read(made.waiting["n1:2"]).need.category is Category.LEGAL
    assert sorted(timer.name for timer in made.store.timers.values()) == ["patience-over", "wait-over"]


# waiting --------------------------------------------------------------------------------------------------------------


def test_a_place_given_back_recalls_the_first_in_line_for_it_and_each_only_once_in_a_batch() -> None:
    made = world(2)
    made.handle(need(1), need(2))
    made.handle(need(3, urgency=Urgency.NORMAL), need(4), need(5, category=Category.LEGAL))
    made.handle(answer(Delivered, 1), answer(Delivered, 2))
    recalled = [matching.WaitingRecalled.read(message.value).need_id for message in made.log.held]
    assert recalled == ["n4", "n3"]
    assert [message.key for message in made.log.held] == [b"r4", b"r3"]
    made.deliver()
    made.deliver()
    assert sorted(holds(made).values()) == ["n3", "n4"]
    assert made.waiting.keys() == {"n5:1"}


def test_a_recall_without_a_place_changes_nothing() -> None:
    made = world(0)
    made.handle(need())
    before = made.facts("n1")
    made.handle(matching.WaitingRecalled(referral_id="r1", need_id="n1"))
    assert made.facts("n1") == before
    assert made.waiting.keys() == {"n1:1"}


def test_rows_of_waits_that_are_over_go_when_their_need_is_recalled() -> None:
    made = world(0)
    made.handle(need())
    first = dict(made.waiting["n1:1"])
    made.handle(need(revision=1))
    made.waiting["n1:1"] = first  # as a repeated event puts it back
    made.look()
    assert made.waiting.keys() == {"n1:2"}, "the wait that lasts keeps its row"
    made.handle(withdrawn(need_id="n1", referral_id="r1"))
    made.waiting["n1:1"] = first
    made.waiting["n1:3"] = {**first, "turn": 3}  # of a wait that this matcher has not heard of
    made.look()
    assert made.waiting.keys() == {"n1:3"}


def test_an_old_event_that_comes_again_does_not_take_the_row_of_a_later_wait() -> None:
    made = world(0)
    made.handle(need())
    made.handle(need(revision=1))
    made.handle(need(revision=2))
    for id_, event, topic in list(made.sent):
        made.send(event, topic, id_)
        made.run()
    assert "n1:3" in made.waiting


def test_at_the_end_of_the_wait_the_need_is_unmet_and_says_why() -> None:
    made = world(0)
    made.handle(need(1, urgency=Urgency.EMERGENCY), need(2, urgency=Urgency.EMERGENCY, recipients=["px"]))
    made.elapse(hours=23)
    assert made.state("n1").phase is Phase.WAITING
    made.elapse(hours=1)
    causes = [made.facts(each)[-1].cause for each in ("n1", "n2")]  # type: ignore[attr-defined]
    assert causes == ["no-place", "consent"]
    assert made.waiting == {}


def test_at_the_end_of_the_wait_a_free_place_is_still_taken() -> None:
    made = world(0)
    made.handle(need(urgency=Urgency.EMERGENCY))
    made.publish(service(capacity=1), "p1")
    made.elapse(hours=24)
    assert made.state("n1").phase is Phase.MATCHED


@pytest.mark.parametrize("changes", [{"name": "other"}, {"due_at": START}])
def test_another_timer_or_one_of_an_earlier_time_ends_no_wait(changes: dict[str, Any]) -> None:
    made = world(0)
    made.handle(need(urgency=Urgency.EMERGENCY))
    made.clock.advance(hours=30)
    made.handle(TimerElapsed(**{"stream": "n1", "name": "wait-over", "due_at": made.clock.now(), **changes}))
    assert made.state("n1").phase is Phase.WAITING


def test_a_need_whose_wait_was_over_while_it_was_matched_does_not_wait_again() -> None:
    made = world(0)
    made.handle(need(urgency=Urgency.EMERGENCY))
    made.publish(service(capacity=1), "p1")
    made.look()
    made.elapse(hours=30)
    made.handle(answer(Expired))
    assert kinds(made)[-2:] == ["AttemptEnded", "Unmet"]


# rows nobody answers for ----------------------------------------------------------------------------------------------


def orphan(made: MatchingWorld, row: str, number: int = 1, attempt: int = 1) -> None:
    """A matcher has claimed the place and died before it stored the match."""
    name = f"n{number}"
    made.rows[row] = document(name, match_id(name, attempt), row.partition(":")[0], f"r{number}")


def test_a_place_claimed_before_a_crash_is_the_needs_own_to_take() -> None:
    made = world(1)
    orphan(made, "p1/beds:0")
    made.handle(need())
    assert made.state("n1").phase is Phase.MATCHED
    assert holds(made) == {"p1/beds:0": "n1"}


def test_a_place_claimed_before_a_crash_is_given_back_when_the_choice_is_another_now() -> None:
    made = world(1, 1)
    orphan(made, "p2/beds:0")
    made.handle(need())
    assert holds(made) == {"p1/beds:0": "n1"}
    assert kinds(made) == ["NeedKept", "Matched", "PlaceDisowned"]


def test_a_doubtful_place_is_kept_by_its_match_and_disowned_by_anybody_else() -> None:
    made = world(1, 1)
    made.handle(need())
    orphan(made, "p2/beds:0", number=9)
    made.look()
    assert holds(made) == {"p1/beds:0": "n1"}
    assert kinds(made, 9) == ["PlaceDisowned"]
    assert kinds(made) == ["NeedKept", "Matched"]


def test_a_doubt_about_a_row_that_is_gone_is_of_no_consequence() -> None:
    made = world()
    made.handle(PlaceDoubtful(referral_id="r1", need_id="n1", row="p1/beds:0", match_id="m"))
    assert made.facts("n1") == []


def test_a_place_lost_to_another_matcher_is_decided_again_without_it() -> None:
    made = world(1, 1)
    taken = document("n9", "m9", "p1/beds", "r9")

    def rival(step: str) -> None:
        if step == "loaded":
            made.rows.setdefault("p1/beds:0", taken)

    made.loop._fault = rival
    made.handle(need())
    assert holds(made) == {"p1/beds:0": "n9", "p2/beds:0": "n1"}
    assert kinds(made) == ["NeedKept", "Matched"]
