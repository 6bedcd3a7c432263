"""At rest nothing is sent, and no waiting need is forgotten, whatever improved its chances and whatever got lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.matching import PriceSet, WaitingRecalled
from contracts.notification import Declined, Delivered, Expired
from contracts.words import Category, DeclineCode, Urgency
from services.matching.capacity.places import document, match_id
from services.matching.domain.state import KnownNeed, WaitingNeed, rows_of
from services.matching.model.limits import Limits
from services.matching.waitlist.queue import Waiter, row, row_id
from tests.support.builders import accepted, minimum, of_offer, service
from tests.support.clock import START
from tests.support.matching_world import INBOX, MatchingWorld

LIMITS = Limits(max_attempts=50)
TOMORROW = (START + timedelta(days=1)).date()
Chance = Callable[[MatchingWorld, int], None]
urgencies = st.sampled_from(Urgency)


def waiting(made: MatchingWorld) -> list[str]:
    return [need for need in made.streams if isinstance(made.state(need), WaitingNeed)]


def recall(need: str) -> WaitingRecalled:
    return WaitingRecalled(referral_id=f"r{need[1:]}", need_id=need)


# what changes a need's chances: nobody is recalled for it, except by a sweep ------------------------------------------


def entry_changes(made: MatchingWorld, number: int) -> None:
    made.publish(service(capacity=number), f"p{number % 3}")


def entry_opens_tomorrow(made: MatchingWorld, number: int) -> None:
    made.publish(service(capacity=1 + number, valid_from=TOMORROW), f"p{number % 3}")


def a_day_passes(made: MatchingWorld, number: int) -> None:
    made.clock.advance(days=1)  # and every timer is late


def patience_passes(made: MatchingWorld, number: int) -> None:
    made.clock.advance(hours=13)


def place_returns(made: MatchingWorld, number: int) -> None:
    matches = [match for need in made.streams for match in made.matches(need)]
    for match in matches[number % 3 : number % 3 + 1]:
        done = of_offer(
            Delivered, match.attempt, made.clock.now(), need_id=match.need_id, referral_id=match.referral_id
        )
        made.handle(done)


def offer_fails(made: MatchingWorld, number: int) -> None:
    matches = [match for need in made.streams for match in made.matches(need)]
    for match in matches[:1]:
        names = {"need_id": match.need_id, "referral_id": match.referral_id}
        kind: Any = [Declined, Expired][number % 2]
        code = {"code": DeclineCode.NO_CAPACITY} if kind is Declined else {}
        made.handle(of_offer(kind, match.attempt, made.clock.now(), **names, **code))


def prices_rise(made: MatchingWorld, number: int) -> None:
    services = [entry.id for entry in made.directory.entries()]
    made.prices = PriceSet(
        id="p", window=1, as_of=made.clock.now(), prices=dict.fromkeys(services, 5.0), used_up=services[: number % 3]
    )


def prices_are_gone(made: MatchingWorld, number: int) -> None:
    made.prices = None


def a_claim_outlives_its_claimer(made: MatchingWorld, number: int) -> None:
    for need in made.streams[number % 2 :: 2]:
        slot, attempt = f"p{number % 3}/beds:{number}", made.record(need).attempt + 2
        made.rows.setdefault(slot, document(need, match_id(need, attempt), slot.partition(":")[0], f"r{need[1:]}"))


def a_row_comes_back(made: MatchingWorld, number: int) -> None:
    for need in made.streams[:1]:
        state = made.state(need)
        if isinstance(state, KnownNeed) and state.record.wait_number > 1:
            old = Waiter(state.record.accepted, state.record.tried, made.clock.now(), 1)
            made.waiting[row_id(need, 1)] = row(old)


CHANCES: list[Chance] = [
    entry_changes,
    entry_opens_tomorrow,
    a_day_passes,
    patience_passes,
    place_returns,
    offer_fails,
    prices_rise,
    prices_are_gone,
    a_claim_outlives_its_claimer,
    a_row_comes_back,
]


def settle(made: MatchingWorld) -> None:
    """With all recalls lost, sweep until nothing is sent any more."""
    made.log.held.clear()
    for _ in range(2 * len(made.streams) + 10):
        if not made.run_sweep():
            return
        made.log.held.clear()
    raise AssertionError("the sweeps never come to rest")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    needs=st.lists(st.tuples(urgencies, st.sampled_from([1, 1, 1, 2])), min_size=1, max_size=7),
    capacities=st.tuples(*[st.integers(0, 3)] * 3),
    story=st.lists(st.tuples(st.sampled_from(CHANCES), st.integers(0, 5)), max_size=8),
    large=st.sampled_from([1, 500]),
)
def test_a_system_at_rest_sends_nothing_and_no_recall_would_have_changed_anything(
    needs: list[tuple[Urgency, int]], capacities: tuple[int, ...], story: list[tuple[Chance, int]], large: int
) -> None:
    made = MatchingWorld(LIMITS, large=large)
    for number, capacity in enumerate(capacities):
        made.publish(service(capacity=capacity, categories=[Category.SHELTER]), f"p{number}")
    for number, (urgency, places) in enumerate(needs):
        household = {"places": places, "companions": [minimum()] * (places - 1)}
        made.handle(accepted(need_id=f"n{number}", referral_id=f"r{number}", urgency=urgency, **household))
    for chance, number in story:
        chance(made, number)
        settle(made)
        matches = [match for need in made.streams for match in made.matches(need)]
        held = {place: match.need_id for match in matches for place in rows_of(match)}
        assert {place: doc["need"] for place, doc in made.rows.items()} == held, (
            "a claim without a match was not released"
        )
        before, sent = {need: made.facts(need) for need in made.streams}, len(made.log.read(INBOX))
        assert made.run_sweep() == 0
        assert len(made.log.read(INBOX)) == sent, "a system at rest sends nothing"
        made.handle(*map(recall, made.streams))
        assert {need: made.facts(need) for need in made.streams} == before, "a need was forgotten"
    assert made.dead == 0


@pytest.mark.parametrize("waits", [1, 219])
def test_needs_that_nobody_can_take_cost_no_event(waits: int) -> None:
    made = MatchingWorld(LIMITS)
    made.publish(service(capacity=1), "p1")
    for number in range(waits + 1):
        made.send(accepted(need_id=f"n{number}", referral_id=f"r{number}", urgency=Urgency.NORMAL))
    made.run()
    assert len(waiting(made)) == waits
    sent = len(made.log.read(INBOX))
    assert [made.run_sweep() for _ in range(10)] == [0] * 10
    assert len(made.log.read(INBOX)) == sent
    made.publish(service(capacity=3), "p1")
    made.run_sweep()
    assert len(waiting(made)) == waits - min(waits, 2), "a place that is free is given to those who wait"
