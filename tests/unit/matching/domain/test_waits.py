"""What happens while a need waits: recalls, the end of its wait, rows that come too late."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import matching
from contracts.notification import Declined, Delivered, Expired
from contracts.operations import TimerElapsed
from contracts.words import Category, DeclineCode, Urgency
from services.matching.domain.state import EndedNeed, MatchedNeed, WaitingNeed
from tests.support.builders import of_offer, service, withdrawn
from tests.support.clock import START
from tests.unit.matching.asking import answer, holds, kinds, need, world


def test_a_released_place_recalls_the_first_in_the_queue_and_each_need_once_in_a_batch() -> None:
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


def test_rows_of_past_waits_are_deleted_when_their_need_is_recalled() -> None:
    made = world(0)
    made.handle(need())
    first = dict(made.waiting["n1:1"])
    made.handle(need(revision=1))
    made.waiting["n1:1"] = first  # as a repeated event puts it back
    made.run_sweep()
    assert made.waiting.keys() == {"n1:2"}, "the current wait keeps its row"
    made.handle(withdrawn(need_id="n1", referral_id="r1"))
    made.waiting["n1:1"] = first
    made.waiting["n1:3"] = {**first, "turn": 3}  # of a wait that this matcher does not know yet
    made.run_sweep()
    assert made.waiting.keys() == {"n1:3"}


def test_an_old_event_that_comes_again_does_not_delete_the_row_of_a_later_wait() -> None:
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
    assert isinstance(made.state("n1"), WaitingNeed)
    made.elapse(hours=1)
    causes = [made.facts(each)[-1].cause for each in ("n1", "n2")]  # type: ignore[attr-defined]
    assert causes == ["no-place", "consent"]
    assert made.waiting == {}


def test_at_the_end_of_the_wait_a_free_place_is_still_taken() -> None:
    made = world(0)
    made.handle(need(urgency=Urgency.EMERGENCY))
    made.publish(service(capacity=1), "p1")
    made.elapse(hours=24)
    assert isinstance(made.state("n1"), MatchedNeed)


@pytest.mark.parametrize("changes", [{"name": "other"}, {"due_at": START}])
def test_another_or_an_earlier_timer_ends_no_wait(changes: dict[str, Any]) -> None:
    made = world(0)
    made.handle(need(urgency=Urgency.EMERGENCY))
    made.clock.advance(hours=30)
    made.handle(TimerElapsed(**{"stream": "n1", "name": "wait-over", "due_at": made.clock.now(), **changes}))
    assert isinstance(made.state("n1"), WaitingNeed)


def test_a_need_whose_wait_was_over_while_it_was_matched_does_not_wait_again() -> None:
    made = world(0)
    made.handle(need(urgency=Urgency.EMERGENCY))
    made.publish(service(capacity=1), "p1")
    made.run_sweep()
    made.elapse(hours=30)
    made.handle(answer(Expired))
    assert kinds(made)[-2:] == ["AttemptEnded", "Unmet"]


@pytest.mark.parametrize(("urgency", "hours"), [(Urgency.EMERGENCY, 1), (Urgency.URGENT, 6), (Urgency.NORMAL, 24)])
@pytest.mark.parametrize("declines", [False, True])
def test_a_sole_service_is_asked_again_within_a_time_that_goes_by_urgency(
    urgency: Urgency, hours: int, declines: bool
) -> None:
    made = world(2)
    made.handle(need(urgency=urgency))
    made.handle(answer(Declined, code=DeclineCode.OTHER) if declines else answer(Expired))
    made.elapse(hours=hours - 0.1)
    made.run_sweep()
    assert isinstance(made.state("n1"), WaitingNeed)
    made.elapse(hours=0.1)
    made.run_sweep()
    assert (type(made.state("n1")), made.record("n1").attempt) == (MatchedNeed, 2)


@pytest.mark.parametrize("urgency", Urgency)
def test_a_sole_service_that_stays_silent_is_asked_until_the_wait_is_nearly_over(urgency: Urgency) -> None:
    made = world(1)
    made.handle(need(urgency=urgency))
    step = made.limits.wait[urgency] / 200
    asked_at = [timedelta(0)]
    while not isinstance(made.state("n1"), EndedNeed):
        if isinstance(made.state("n1"), MatchedNeed):
            made.handle(of_offer(Expired, made.record("n1").attempt, made.clock.now(), need_id="n1", referral_id="r1"))
        made.elapse(seconds=step.total_seconds())
        made.run_sweep()
        if made.record("n1").attempt > len(asked_at):
            asked_at.append(made.clock.now() - START)
    assert len(asked_at) == 5
    assert asked_at[-1] >= made.limits.wait[urgency] / 2, "not out of attempts long before"


def test_a_refusal_dated_by_a_clock_that_was_ahead_does_not_keep_a_service_away() -> None:
    made = world(1)
    made.handle(need(urgency=Urgency.NORMAL))
    made.clock.advance(days=400)
    made.handle(answer(Expired))
    made.clock.advance(days=-400)
    made.run_sweep()
    assert (type(made.state("n1")), made.record("n1").attempt) == (MatchedNeed, 2)
