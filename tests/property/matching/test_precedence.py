"""The waiting list's order: total, with bounded ageing, the same for recall and sweep, and nobody starves by it."""

import random
from datetime import timedelta
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from contracts.agency import Constraints, Preferences
from contracts.matching import PriceSet
from contracts.words import AgeBand, Category, Flag, Urgency
from services.matching.capacity.places import Places, service_of
from services.matching.directory.directory import Directory
from services.matching.domain.state import MatchedNeed, WaitingNeed, waiter_of
from services.matching.eligibility.rules import failing
from services.matching.jobs.sweep import recalls
from services.matching.model.limits import Limits
from services.matching.waitlist.precedence import TOP, class_of
from services.matching.waitlist.precedence import precedence as rank
from services.matching.waitlist.queue import Waiter, WaitingQueues, patience_over, precedence
from tests.support.builders import accepted, minimum, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

LIMITS = Limits()
PROVIDERS = ["p1", "p2", "p3"]
spans = st.integers(0, 400 * 3600).map(lambda seconds: timedelta(seconds=seconds))
urgencies = st.sampled_from(Urgency)


@st.composite
def waiting(draw: st.DrawFn, number: int) -> Waiter:
    """Somebody who waits; of few different kinds, so that many are alike in all but the id."""
    waited = draw(st.sampled_from([0, 3, 7, 11, 12, 50, 83, 84, 200, 250, 359, 360, 390]))
    need = accepted(
        need_id=f"n{number}",
        urgency=draw(urgencies),
        requested_at=START - timedelta(hours=waited + draw(st.sampled_from([0, 0, 100]))),
        person=minimum(
            age_band=draw(st.sampled_from([AgeBand.ADULT, AgeBand.CHILD])),
            flags=draw(st.lists(st.sampled_from(Flag), max_size=4)),
        ),
        preferences=Preferences(providers=draw(st.sampled_from([[], ["p1"]]))),
        constraints=Constraints(not_providers=draw(st.sampled_from([[], [], ["p1"], ["p2", "p3"]]))),
    )
    options = draw(st.sampled_from([None, 0, 1, 2, 40]))
    return Waiter(need, (), START - timedelta(hours=waited), 1, options)


@st.composite
def lists(draw: st.DrawFn) -> list[Waiter]:
    return [draw(waiting(number)) for number in range(draw(st.integers(1, 8)))]


def directory(*capacities: int) -> Directory:
    made = Directory()
    for offset, (provider, capacity) in enumerate(zip(PROVIDERS, capacities, strict=False)):
        made.put(provider, "beds", offset, service(capacity=capacity))
    return made


@given(waiters=lists(), seed=st.integers(0, 99))
def test_the_order_is_total_and_does_not_depend_on_who_is_asked_first(waiters: list[Waiter], seed: int) -> None:
    (entry,) = directory(1).of(Category.SHELTER)
    by_key = sorted(precedence(each, entry, START, LIMITS) for each in waiters)
    assert len(set(by_key)) == len(waiters), "no two are equal"
    shuffled = random.Random(seed).sample(waiters, len(waiters))
    assert WaitingQueues(shuffled).queue_of(entry, START, LIMITS) == WaitingQueues(waiters).queue_of(
        entry, START, LIMITS
    )
    late = WaitingQueues()
    assert late.queue_of(entry, START, LIMITS) == []
    for each in shuffled:
        late.add(each)
    assert late.queue_of(entry, START, LIMITS) == WaitingQueues(waiters).queue_of(entry, START, LIMITS), (
        "nor on who came meanwhile"
    )


@given(urgency=urgencies, patience=spans.filter(bool), early=spans, late=spans)
def test_ageing_only_ever_helps_and_is_bounded(
    urgency: Urgency, patience: timedelta, early: timedelta, late: timedelta
) -> None:
    early, late = sorted((early, late))
    before, after = (class_of(urgency, waited, patience) for waited in (early, late))
    assert before <= after
    if late < patience:
        assert 2 * urgency.rank <= before <= after <= 2 * urgency.rank + 1 < TOP
    else:
        assert after == TOP
    need = accepted(urgency=urgency)
    assert rank(need, late, patience, 0.5, 3) <= rank(need, early, patience, 0.5, 3)


@given(waiters=lists(), capacities=st.lists(st.integers(0, 2), min_size=3, max_size=3))
def test_the_sweep_recalls_the_same_needs_first_as_a_release(waiters: list[Waiter], capacities: list[int]) -> None:
    made = directory(*capacities)
    queues, recalled = WaitingQueues(waiters), [each.id for each in recalls(waiters, Places(), made, START, LIMITS)]
    assert len(recalled) == len(set(recalled)) <= sum(capacities)
    open_ = [entry for entry in made.of(Category.SHELTER) if entry.service.capacity]
    for entry in open_:
        line = [each.id for _, each in queues.queue_of(entry, START, LIMITS)]
        assert not line or line[0] in recalled
        if len(open_) == 1:
            assert recalled == line[: entry.service.capacity]
        if len(recalled) < sum(capacities):
            taken = [each for each in line if each in recalled]
            assert len(taken) >= min(len(line), entry.service.capacity), "it has places, and somebody waits for them"


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Needs that come, time, places and prices that come and go, recalls that are lost: in any order."""
    steps = st.one_of(
        st.tuples(st.just("need"), st.tuples(urgencies, st.integers(0, 3))),
        st.tuples(st.just("need"), st.tuples(urgencies, st.integers(0, 3))),
        st.tuples(st.just("hours"), st.sampled_from([1, 9, 30, 80, 160])),
        st.tuples(st.just("capacity"), st.tuples(st.sampled_from(PROVIDERS), st.integers(0, 2))),
        st.tuples(st.just("prices"), st.lists(st.sampled_from([0.0, 0.5, 9.0]), min_size=3, max_size=3)),
        st.tuples(st.just("sweep"), st.none()),
        st.tuples(st.just("deliver"), st.none()),
    )
    return draw(st.lists(steps, min_size=8, max_size=25))


@settings(deadline=None, max_examples=150)
@given(life=lives())
def test_nobody_out_of_patience_sees_a_place_go_to_one_who_came_later(life: list[tuple[str, Any]]) -> None:
    """Even if recalls get lost: whoever takes a place leaves enough for all who go first."""
    made = MatchingWorld(Limits(at_once=dict.fromkeys(Urgency, 1), wait=dict.fromkeys(Urgency, timedelta(days=99))))
    for provider in PROVIDERS:
        made.publish(service(capacity=0), provider)
    needs = 0
    for what, how in life:
        states = {need: made.state(need) for need in made.streams}
        now = made.clock.now()
        match what:
            case "need":
                needs += 1
                urgency, flags = how
                person = minimum(flags=list(Flag)[:flags])
                names = {"need_id": f"n{needs}", "referral_id": f"r{needs}", "reference": f"R-{needs}"}
                made.handle(accepted(**names, urgency=urgency, person=person, requested_at=now))
            case "hours":
                made.elapse(hours=how)
            case "capacity":
                made.publish(service(capacity=how[1]), how[0])
            case "prices":
                by_service = {f"{provider}/beds": price for provider, price in zip(PROVIDERS, how, strict=True)}
                used_up = [service for service, price in by_service.items() if price > 1]
                made.prices = PriceSet(id="p", window=1, as_of=now, prices=by_service, used_up=used_up)
            case "sweep":
                made.run_sweep()
            case _ if made.log.held:
                made.deliver()
        now = made.clock.now()
        after = {need: made.state(need) for need in made.streams}
        placed = [
            each
            for need, each in after.items()
            if isinstance(each, MatchedNeed) and not isinstance(states.get(need), MatchedNeed)
        ]
        for state in placed:
            entry = made.directory.get(f"{state.matches[-1].provider}/{state.matches[-1].service}")
            assert entry is not None
            left = entry.service.capacity - sum(service_of(row) == entry.id for row in made.rows)
            mine = waiter_of(state, now)
            long = [each for each in made.waiters if patience_over(each, now, LIMITS)]
            assert all(isinstance(after[each.id], WaitingNeed) for each in long)
            behind = [each for each in long if failing(each.case(now, LIMITS.retry_after), entry) is None]
            if behind:
                event("a place was taken while somebody was out of patience")
            for each in behind:
                earlier = (mine.need.requested_at, mine.id) < (each.need.requested_at, each.id)
                assert left >= 1 or (patience_over(mine, now, LIMITS) and earlier)
