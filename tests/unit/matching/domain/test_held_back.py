"""A need whose person is already being served: it waits like any other, takes nothing, and stands in nobody's way."""

from datetime import timedelta

import pytest

from contracts import matching
from contracts.base import Message
from contracts.intake import NeedRegistered
from contracts.notification import Delivered
from contracts.words import HeldBack
from services.matching.domain.state import EndedNeed, MatchedNeed, WaitingNeed, WaitPeriod
from services.matching.model.limits import Limits
from tests.support.builders import accepted, of_offer, service, withdrawn
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld


def need(number: int = 1, held_back: HeldBack | None = None, revision: int = 0) -> NeedRegistered:
    of = {"need_id": f"n{number}", "referral_id": f"r{number}", "reference": f"R-{number}"}
    return accepted(**of, held_back=held_back, revision=revision, requested_at=START + timedelta(minutes=number))


def world(capacity: int = 1) -> MatchingWorld:
    made = MatchingWorld(Limits())
    made.publish(service(capacity=capacity), "p1")
    return made


def _wait(made: MatchingWorld, need_id: str) -> WaitPeriod:
    state = made.state(need_id)
    assert isinstance(state, WaitingNeed)
    return state.wait


def seen(made: MatchingWorld, number: int) -> list[Message]:
    """The facts of a need that other services follow, without its ids."""
    other = {"need_id": "", "referral_id": "", "reference": ""}
    followed = (matching.Matched, matching.Waiting, matching.Unmet, matching.NeedEnded)
    facts = [fact for fact in made.facts(f"n{number}") if isinstance(fact, followed)]
    return [fact.model_copy(update={name: other[name] for name in other if hasattr(fact, name)}) for fact in facts]


def test_an_agency_that_must_not_know_sees_what_it_would_see_if_all_places_were_taken() -> None:
    """Exactly the same: made by the same code, at the same time, with the same funnel, until the same end."""
    full, free = world(), world()
    full.handle(need(1))  # takes the only place
    full.handle(need(2))
    free.handle(need(2, HeldBack.AGENCY_UNAWARE))
    assert seen(free, 2) == seen(full, 2)
    assert len(seen(free, 2)) == 1
    for made in (full, free):
        made.run_sweep()
        made.elapse(hours=24 * 31)
    assert seen(free, 2) == seen(full, 2)
    assert isinstance(seen(free, 2)[-1], matching.Unmet)


@pytest.mark.parametrize("held_back", HeldBack)
def test_it_takes_no_place_and_is_in_no_queue(held_back: HeldBack) -> None:
    made = world()
    made.handle(need(1, held_back))
    assert not made.rows
    assert not made.waiting
    made.handle(need(2))
    assert isinstance(made.state("n2"), MatchedNeed), "though the other has waited longer"
    made.handle(of_offer(Delivered, need_id="n2", referral_id="r2"))
    assert not made.log.held, "the place that is free again is not for it"
    made.run_sweep()
    assert isinstance(made.state("n1"), WaitingNeed)


def test_an_agency_that_may_know_is_notified_and_the_wait_has_no_end() -> None:
    made = world()
    made.handle(need(1, HeldBack.AGENCY_KNOWS))
    [waiting] = seen(made, 1)
    assert isinstance(waiting, matching.Waiting)
    assert waiting.code == "already-served"
    made.elapse(hours=24 * 365)
    assert seen(made, 1) == [waiting]
    made.handle(withdrawn(need_id="n1", referral_id="r1", reason="already-served"))
    assert isinstance(made.state("n1"), EndedNeed)


@pytest.mark.parametrize("held_back", HeldBack)
def test_it_resumes_with_a_place_where_there_is_one(held_back: HeldBack) -> None:
    made = world()
    made.handle(need(1, held_back))
    made.handle(need(1, None, revision=1))
    assert isinstance(made.state("n1"), MatchedNeed)


@pytest.mark.parametrize("held_back", HeldBack)
def test_it_resumes_in_the_queue_by_its_own_time_of_request(held_back: HeldBack) -> None:
    made = world()
    made.handle(need(1, held_back), need(2), need(3))  # 2 has the place, 3 waits
    made.elapse(hours=1)
    made.handle(need(1, None, revision=1))
    assert {each.id for each in made.waiters} == {"n1", "n3"}
    made.handle(of_offer(Delivered, need_id="n2", referral_id="r2"))
    made.run_sweep()
    assert (type(made.state("n1")), type(made.state("n3"))) == (MatchedNeed, WaitingNeed)


def test_a_known_wait_begins_when_the_need_resumes_and_an_unknown_one_goes_on() -> None:
    made = world(capacity=0)
    made.handle(need(1, HeldBack.AGENCY_KNOWS), need(2, HeldBack.AGENCY_UNAWARE))
    wait = _wait(made, "n1")
    made.elapse(hours=24)
    made.handle(need(1, None, revision=1), need(2, None, revision=1))
    later, same = (_wait(made, need) for need in ("n1", "n2"))
    assert later.until == wait.until + timedelta(hours=24)
    assert same.until == wait.until
    made.elapse(hours=24 * 6)
    assert (type(made.state("n1")), type(made.state("n2"))) == (WaitingNeed, EndedNeed)
    made.elapse(hours=24)
    assert isinstance(made.state("n1"), EndedNeed)
