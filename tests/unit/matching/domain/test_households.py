"""Several people who must be served together, or not at all."""

from typing import Any

import pytest

from contracts import matching
from contracts.intake import NeedRegistered
from contracts.notification import Declined, Delivered
from contracts.notification import OfferAccepted as TakenUp
from contracts.provider import Eligibility
from contracts.words import AgeBand, DeclineCode, Flag, Rule, Sex, Status, Urgency
from services.matching.capacity.places import document, match_id, row_id
from services.matching.directory.directory import DirectoryEntry
from services.matching.domain.state import rows_of
from services.matching.model.limits import Limits
from services.matching.waitlist.queue import Waiter, precedence
from tests.support.builders import accepted, minimum, of_offer, service, withdrawn
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld


def need(number: int = 1, places: int = 1, **changes: Any) -> NeedRegistered:
    others = {"companions": [minimum()] * (places - 1)} if places > 1 else {}
    names = {"need_id": f"n{number}", "referral_id": f"r{number}", "reference": f"R-{number}"}
    return accepted(**{**names, "places": places, **others, **changes})


def world(*capacities: int, **limits: Any) -> MatchingWorld:
    made = MatchingWorld(Limits(**limits))
    for number, capacity in enumerate(capacities, 1):
        made.publish(service(capacity=capacity), f"p{number}")
    return made


def held(made: MatchingWorld) -> list[str]:
    return sorted(doc["need"] for doc in made.rows.values())


def answer(kind: Any, number: int = 1, attempt: int = 1, **changes: Any) -> Any:
    return of_offer(kind, attempt, need_id=f"n{number}", referral_id=f"r{number}", **changes)


# places ---------------------------------------------------------------------------------------------------------------


def test_a_household_has_a_place_for_each_at_one_service() -> None:
    made = world(2, 3)
    made.handle(need(1, 3))
    match = made.match("n1")
    assert match is not None
    assert (match.provider, len(set(match.slots)), match.slot) == ("p2", 3, match.slots[0])
    assert sorted(made.rows) == sorted(rows_of(match))
    assert match.companions == [minimum()] * 2


def test_a_match_recorded_before_households_existed_has_one_row() -> None:
    made = world(2)
    made.handle(need())
    match = made.match("n1")
    assert match is not None
    assert rows_of(match.model_copy(update={"slots": []})) == rows_of(match)


@pytest.mark.parametrize("end", [answer(Delivered), withdrawn(need_id="n1", referral_id="r1")])
def test_all_places_are_released_at_once(end: Any) -> None:
    made = world(3)
    made.handle(need(1, 3), answer(TakenUp), end)
    assert made.rows == {}


def test_a_declined_household_goes_whole_to_the_next_service() -> None:
    made = world(3, 4)
    made.handle(need(1, 3))
    first = made.match("n1")
    made.handle(answer(Declined, code=DeclineCode.UNSAFE))
    second = made.match("n1")
    assert first is not None
    assert second is not None
    assert {first.provider, second.provider} == {"p1", "p2"}
    assert sorted(made.rows) == sorted(rows_of(second))


def test_places_at_two_services_are_not_enough() -> None:
    made = world(2, 2)
    made.handle(need(1, 3))
    assert (held(made), len(made.waiting)) == ([], 1)
    waits = made.facts("n1")[-1]
    assert isinstance(waits, matching.Waiting)
    assert waits.funnel[-1].rule is Rule.HOUSEHOLD, "neither will ever have three"


def test_a_household_waits_for_a_service_that_is_full_until_all_fit() -> None:
    made = world(3)
    made.handle(need(1), need(2), need(3, 3))
    assert held(made) == ["n1", "n2"]
    made.handle(answer(Delivered, 1))
    made.deliver()
    assert held(made) == ["n2"], "two places are no use"
    made.handle(answer(Delivered, 2))
    made.deliver()
    assert held(made) == ["n3"] * 3


def test_a_single_person_is_served_in_the_meantime() -> None:
    made = world(3)
    made.handle(need(1), need(2), need(3, 3, urgency=Urgency.EMERGENCY), need(4))
    assert held(made) == ["n1", "n2", "n4"]


def test_the_first_single_person_is_recalled_besides_the_household_ahead() -> None:
    made = world(3)
    made.handle(*(need(n) for n in (1, 2, 3)), need(4, 3, urgency=Urgency.EMERGENCY), need(5), need(6))
    made.handle(answer(Delivered, 1))
    assert len(made.log.held) == 2
    made.deliver()
    made.deliver()
    assert held(made) == ["n2", "n3", "n5"]


def test_a_household_that_has_waited_long_has_places_kept_at_the_largest_service() -> None:
    made = world(3, 4)
    made.handle(*(need(n, requested_at=START) for n in range(10, 17)), need(1, 3))
    assert "n1" not in held(made)
    made.elapse(hours=85)  # its patience, as an urgent need
    at = {each: made.match(each) for each in made.streams}
    ends = [need_ for need_, match in at.items() if match is not None and match.provider == "p2"][:2]
    small = next(need_ for need_, match in at.items() if match is not None and match.provider == "p1")
    for each in ends:
        made.handle(answer(Delivered, int(each[1:])))
    made.handle(need(20))
    assert made.match("n20") is None, "two places are kept for the household"
    made.handle(answer(Delivered, int(small[1:])))
    made.run_sweep()
    match = made.match("n20")
    assert match is not None
    assert match.provider == "p1", "and none elsewhere"
    third = next(n for n, m in at.items() if m is not None and m.provider == "p2" and n not in ends)
    made.handle(answer(Delivered, int(third[1:])))
    made.run_sweep()
    assert held(made).count("n1") == 3


def test_a_household_whose_size_is_corrected_is_placed_again() -> None:
    made = world(3, 3)
    made.handle(need(1, 2))
    made.handle(need(1, 3, revision=1))
    match = made.match("n1")
    assert match is not None
    assert (len(match.slots), match.attempt) == (3, 2)
    assert sorted(made.rows) == sorted(rows_of(match))


def test_rows_left_by_a_dead_claimer_are_claimed_again_and_none_is_left_over() -> None:
    made = world(3)
    match = match_id("n1", 1)
    made.claims.tables["places"][row_id("p1/beds", 1)] = document("n1", match, "p1/beds", "r1")
    made.handle(need(1, 2))
    match_found = made.match("n1")
    assert match_found is not None
    assert (1 in match_found.slots, sorted(made.rows)) == (True, sorted(rows_of(match_found)))


@pytest.mark.parametrize("when", ["before", "midway", "after"])
@pytest.mark.parametrize("call", ["take", "append", "drop", "publish"])
def test_no_family_is_separated_by_a_failure_during_its_claims(call: str, when: str) -> None:
    made = world(3, 3)
    made.send(need(1, 3))
    made.interrupt(call, when)
    made.publish(service(capacity=2), "p1")
    made.publish(service(capacity=4), "p2")
    made.restart()
    made.run()
    match = made.match("n1")
    assert match is not None
    assert sorted(made.rows) == sorted(rows_of(match))
    assert len(match.slots) == 3


# eligibility ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"minimum_age": 18}, Rule.AGE),
        ({"maximum_age": 17}, Rule.AGE),
        ({"sexes": [Sex.FEMALE]}, Rule.SEX),
        ({"not_statuses": [Status.IRREGULAR]}, Rule.STATUS),
        ({"statuses": [Status.PROTECTED]}, Rule.STATUS),
        ({"not_flags": [Flag.DISABILITY]}, Rule.EXCLUSION),
        ({"maximum_household": 1}, Rule.HOUSEHOLD),
        ({"flags_any": [Flag.SINGLE_PARENT]}, None),
        ({"sexes": [Sex.FEMALE, Sex.MALE]}, None),
    ],
)
def test_every_member_must_be_acceptable(limits: dict[str, Any], rule: Rule | None) -> None:
    mother = minimum(flags=[Flag.SINGLE_PARENT], status=Status.PROTECTED, household_size=2)
    son = minimum(age_band=AgeBand.CHILD, sex=Sex.MALE, status=Status.IRREGULAR, flags=[Flag.DISABILITY])
    family = need(1, 2, person=mother, companions=[son])
    made = MatchingWorld()
    made.publish(service(eligibility=Eligibility(**limits)), "p1")
    case = Waiter(family, (), START, 0).case(START, made.limits.retry_after)
    left, steps, *_ = made.directory.find(case)
    assert (None if left else steps[-1].rule) is rule


def test_one_who_is_understood_speaks_for_the_household() -> None:
    made = MatchingWorld()
    made.publish(service(languages=["en"]), "p1")
    made.handle(need(1, 2, companions=[minimum(languages=["uk", "en"])]))
    assert held(made) == ["n1", "n1"]


def test_the_vulnerabilities_of_all_count_once() -> None:
    entry = DirectoryEntry("p1/beds", "p1", service(), "p1/beds@0")
    pregnant, two = minimum(flags=[Flag.PREGNANT]), minimum(flags=[Flag.PREGNANT, Flag.DISABILITY])
    family = Waiter(need(2, 2, person=pregnant, companions=[two]), (), START, 0)
    alone = Waiter(need(1, person=pregnant), (), START, 0)
    other = Waiter(need(3, person=two), (), START, 0)
    ranks = {each.id: precedence(each, entry, START, Limits()) for each in (family, alone, other)}
    assert ranks["n2"] < ranks["n1"]
    assert ranks["n2"][1] == ranks["n3"][1]


# several services at once ------------------------------------------------------------------------------------------


def emergency(places: int = 3, **changes: Any) -> NeedRegistered:
    return need(1, places, urgency=Urgency.EMERGENCY, **changes)


def test_each_service_asked_at_once_has_places_for_all_of_a_household() -> None:
    made = world(3, 2, 4, 3)
    made.handle(emergency())
    matches = made.matches("n1")
    assert {match.provider for match in matches} == {"p1", "p3", "p4"}, "not where only some would have a place"
    assert [len(set(match.slots)) for match in matches] == [3, 3, 3]
    assert sorted(made.rows) == sorted(row for match in matches for row in rows_of(match))


def test_the_first_to_accept_keeps_all_places_and_the_others_release_theirs() -> None:
    made = world(3, 3)
    made.handle(emergency(), answer(TakenUp, attempt=2))
    (match,) = made.matches("n1")
    assert (match.attempt, sorted(made.rows)) == (2, sorted(rows_of(match)))
    made.handle(answer(Delivered, attempt=2))
    assert not made.rows


def test_a_correction_that_outruns_the_first_acceptance_leaves_no_withdrawn_offer() -> None:
    """Notification withdrew the other offers when the first accepted; by then a correction had revoked the first."""
    made = world(3, 3)
    made.handle(emergency(), emergency(recipients=["p2"], revision=1))
    (left,) = made.matches("n1")
    made.handle(answer(TakenUp, attempt=3 - left.attempt))
    assert [match.attempt for match in made.matches("n1")] in ([], [3])
    made.run_sweep()
    assert [(match.provider, match.attempt) for match in made.matches("n1")] == [("p2", 3)]


def test_a_household_that_has_grown_is_offered_again_everywhere() -> None:
    made = world(4, 3, 4)
    made.handle(emergency(), emergency(4, revision=2))
    matches = made.matches("n1")
    # Its places are free only after the decision: in the meantime it waits, and is recalled.
    assert not matches
    assert not made.rows
    made.run_sweep()
    assert [(match.provider, len(match.slots)) for match in made.matches("n1")] == [("p1", 4), ("p3", 4)]


@pytest.mark.parametrize("call", ["take", "append"])
@pytest.mark.parametrize("when", ["before", "midway", "after"])
def test_a_matcher_that_dies_during_a_broadcast_leaves_no_place_behind(call: str, when: str) -> None:
    made = world(3, 3)
    made.send(emergency())
    made.interrupt(call, when)
    made.publish(None, "p2", "beds")
    made.publish(service(capacity=3), "p3")
    made.restart()
    made.run()
    matches = made.matches("n1")
    assert sorted(made.rows) == sorted(row for match in matches for row in rows_of(match))
    assert all(len(set(match.slots)) == 3 for match in matches)
    assert len(matches) == 2


def test_no_places_are_kept_at_a_service_that_reported_that_it_is_full() -> None:
    made = world(2, 3)
    made.handle(*(need(number) for number in range(1, 6)), need(6, 2))
    gone = next(name for name in ("n1", "n2", "n3", "n4", "n5") if (m := made.match(name)) and m.provider == "p2")
    made.handle(answer(Declined, int(gone[1]), code=DeclineCode.NO_CAPACITY), withdrawn(need_id=gone))
    assert made.full, "p2 reported it"
    made.elapse(hours=85)  # the household's patience
    left = next(name for name in ("n1", "n2", "n3", "n4", "n5") if (m := made.match(name)) and m.provider == "p1")
    made.handle(answer(Delivered, int(left[1])))
    made.handle(need(20))
    assert made.match("n20") is None, "the places of p1 are kept, as p2, though larger, takes nobody"
