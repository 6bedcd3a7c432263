"""A person known under two references: which need is served, which waits, and what each agency learns."""

from typing import Any

import pytest

from contracts.intake import ConsentReceived, LinkEnded, NeedRegistered, NeedWithdrawn, ServedDoubtful
from contracts.profiles import HouseholdMember, IdentityFingerprint
from contracts.words import AgeBand, Category, Flag, HeldBack, PersonalField, Urgency
from services.chassis.decider import Claim
from services.intake.domain.deduplication import is_confidential
from services.intake.jobs.sweep import DuplicateSweep
from tests.support.builders import closed, minimum
from tests.support.clock import START
from tests.support.duplicates import Front, links, need, released_rows
from tests.support.intake_world import consent
from tests.support.matching_world import complete
from tests.support.memory_twins import MemoryClaims

CONFIDENTIAL = {"category": Category.GBV}


@pytest.fixture
def front() -> Front:
    return Front(link_confidential=True)


def twice(front: Front, **changes: Any) -> None:
    """Submit the same person's need from two agencies."""
    for referral in ("one", "two"):
        front.submit(referral, need(referral, **changes))


# who is served --------------------------------------------------------------------------------------------------------


def test_the_second_need_is_accepted_and_held_back(front: Front) -> None:
    twice(front)
    assert front.now("one").held_back is None
    assert front.now("two").held_back is HeldBack.AGENCY_KNOWS
    assert front.now("two").requested_at == START
    assert len(front.served) == len(front.links) == 1


def test_published_events_contain_no_fingerprint_and_nothing_of_the_other_referral(front: Front) -> None:
    twice(front)
    for referral, other in (("one", "two"), ("two", "one")):
        for event in front.published(referral):
            text = event.model_dump_json()
            assert "the-same-person" not in text
            assert f"{other}/" not in text
            assert f"agency-of-{other}" not in text


@pytest.mark.parametrize(
    ("changes", "marks"),
    [
        ({"category": Category.LEGAL}, IdentityFingerprint(person="the-same-person")),
        ({}, IdentityFingerprint(person="another")),
        ({}, IdentityFingerprint()),
        ({"urgency": Urgency.EMERGENCY}, IdentityFingerprint(person="the-same-person")),
    ],
    ids=["another need", "another person", "too little, or without consent", "more urgent"],
)
def test_both_are_served(front: Front, changes: dict[str, Any], marks: IdentityFingerprint) -> None:
    front.submit("one")
    effects = front.submit("two", need("two", **changes), marks=marks)
    assert links(effects) == []
    assert front.now("two").held_back is None


def test_two_needs_of_one_referral_are_both_served(front: Front) -> None:
    effects = front.submit("one", need("one", "bed"), need("one", "cot"))
    assert [each.held_back for each in front.state("one").needs.registered.values()] == [None, None]
    assert len([each for each in effects if isinstance(each, Claim)]) == 1


def test_a_need_sent_twice_is_not_linked_to_itself(front: Front) -> None:
    front.submit("one")
    front.submit("one")
    front.submit("one", corrects=True, person=minimum(household_size=3))
    assert front.now("one").held_back is None
    assert not front.links


# what the second learns -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "person", "confidential"),
    [
        (Category.SHELTER, {}, False),
        (Category.LEGAL, {"flags": [Flag.PREGNANT]}, False),
        *((each, {}, True) for each in (Category.HEALTH, Category.MENTAL_HEALTH, Category.PROTECTION, Category.GBV)),
        *((each, {}, True) for each in (Category.TRAFFICKING, Category.CHILD_PROTECTION, Category.TRACING)),
        (Category.EDUCATION, {"age_band": AgeBand.ADOLESCENT}, True),
        (Category.SHELTER, {"flags": [Flag.GBV_SURVIVOR]}, True),
    ],
)
def test_children_people_at_risk_and_some_categories_are_confidential(
    category: Category, person: dict[str, Any], confidential: bool
) -> None:
    assert is_confidential(category, minimum(**person)) is confidential


@pytest.mark.parametrize("flagged", ["one", "two"])
def test_it_is_enough_that_either_referral_is_confidential(front: Front, flagged: str) -> None:
    for referral in ("one", "two"):
        flags = [Flag.TRAFFICKING_VICTIM] if referral == flagged else []
        front.submit(referral, need(referral, urgency=Urgency.URGENT), person=minimum(flags=flags))
    assert front.now("two").held_back is HeldBack.AGENCY_UNAWARE


def test_confidential_needs_are_not_held_back_unless_an_operator_turns_linking_on() -> None:
    front = Front()
    twice(front, **CONFIDENTIAL)
    assert front.now("two").held_back is None
    twice(plain := Front())
    assert plain.now("two").held_back is HeldBack.AGENCY_KNOWS


# how it ends ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["unmet", "not-delivered", "withdrawn"])
@pytest.mark.parametrize("changes", [{}, CONFIDENTIAL], ids=["agency knows", "agency does not know"])
def test_when_the_first_ends_without_help_the_second_resumes(front: Front, end: str, changes: dict[str, Any]) -> None:
    twice(front, **changes)
    if end == "withdrawn":
        front.withdraw("one")
    else:
        front.end("one", end)
    resumed = front.now("two")
    assert (resumed.held_back, resumed.revision, resumed.requested_at) == (None, 1, START)
    assert not front.links
    assert [doc["referral"] for doc in front.served.values()] == ["two"]


@pytest.mark.parametrize("end", ["delivered", "partly-delivered"])
def test_when_the_first_was_helped_a_second_whose_agency_knows_is_closed(front: Front, end: str) -> None:
    twice(front)
    front.end("one", end)
    assert [each.reason for each in front.published("two") if isinstance(each, NeedWithdrawn)] == ["already-served"]
    assert not front.links
    assert not front.served


@pytest.mark.parametrize("end", ["delivered", "partly-delivered"])
def test_when_the_first_was_helped_a_second_whose_agency_does_not_know_goes_on_waiting(front: Front, end: str) -> None:
    twice(front, **CONFIDENTIAL)
    before = front.published("two")
    front.end("one", end)
    assert front.published("two") == before
    assert not front.links
    front.end("two", "unmet")  # its own wait is over
    assert front.published("two") == before


def test_of_two_waiting_needs_one_resumes_and_the_other_goes_on_waiting(front: Front) -> None:
    twice(front)
    front.submit("three")
    front.end("one", "unmet")
    held = [front.now(each).held_back for each in ("two", "three")]
    assert sorted(held, key=str) == [None, HeldBack.AGENCY_KNOWS]
    front.end("two" if held[0] is None else "three", "delivered")
    assert not front.links


def test_after_help_was_given_a_new_need_is_served(front: Front) -> None:
    front.submit("one")
    front.end("one", "delivered")
    front.submit("two")
    assert front.now("two").held_back is None


def test_a_linked_need_that_is_withdrawn_no_longer_waits(front: Front) -> None:
    twice(front)
    front.withdraw("two")
    assert not front.links
    front.end("one", "unmet")
    assert [type(each) for each in front.published("two")] == [NeedRegistered, NeedWithdrawn]


# corrections ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "marks", [IdentityFingerprint(), IdentityFingerprint(person="another")], ids=["consent narrowed", "another person"]
)
def test_a_correction_unlinks_a_need(front: Front, marks: IdentityFingerprint) -> None:
    twice(front)
    front.submit("two", corrects=True, marks=marks)
    assert (front.now("two").held_back, front.now("two").revision) == (None, 1)
    assert not front.links


def test_a_linked_need_that_becomes_more_urgent_is_served(front: Front) -> None:
    twice(front)
    front.submit("two", need("two", urgency=Urgency.EMERGENCY), corrects=True)
    assert front.now("two").held_back is None


def test_a_correction_of_the_first_lets_the_second_resume(front: Front) -> None:
    twice(front)
    effects = front.submit("one", corrects=True, marks=IdentityFingerprint(person="another"))
    assert len(released_rows(effects)) == 1
    assert front.now("one").held_back is None
    assert front.now("two").held_back is None


def test_a_need_that_is_with_matching_is_never_held_back(front: Front) -> None:
    front.submit("one")
    front.submit("two", marks=IdentityFingerprint(person="another"))
    front.submit("two", corrects=True)  # the person is recognised too late
    assert front.now("two").held_back is None
    assert not front.links


def test_a_need_that_is_not_in_the_correction_releases_its_row(front: Front) -> None:
    front.submit("one", need("one", "bed"), need("one", "law", category=Category.LEGAL))
    front.submit("two")
    front.submit("one", need("one", "law", category=Category.LEGAL), corrects=True)
    assert front.now("two").held_back is None


# what may go wrong ----------------------------------------------------------------------------------------------------


def swept(front: Front) -> list[Any]:
    claims = MemoryClaims()
    claims.tables["served"], claims.tables["linked"] = dict(front.served), dict(front.links)
    return [event for event, key in complete(DuplicateSweep(claims).suspicions()) if key == event.referral_id]


def test_the_sweep_resumes_a_need_whose_notice_was_lost(front: Front) -> None:
    twice(front)
    front.lossy = True
    front.end("one", "unmet")
    assert front.now("two").held_back is HeldBack.AGENCY_KNOWS
    [event] = swept(front)
    assert isinstance(event, LinkEnded)
    front.handle(event)
    assert front.now("two").held_back is None
    front.handle(front.lost[0])  # late
    assert front.now("two").revision == 1


def test_a_row_whose_claimer_died_is_released_and_a_valid_row_is_not(front: Front) -> None:
    twice(front)
    [doubt] = swept(front)
    assert isinstance(doubt, ServedDoubtful)
    assert front.handle(doubt) == []
    row, doc = front.served.popitem()
    front.served[row] = {**doc, "turn": 7}  # of a decision that was never journaled
    [doubt] = swept(front)
    assert released_rows(front.handle(doubt)) == [row]
    assert [each["referral"] for each in front.served.values()] == ["two"]


def test_a_left_over_row_of_a_link_is_deleted(front: Front) -> None:
    twice(front)
    over = dict(front.links)
    front.end("one", "unmet")
    front.end("two", "delivered")
    front.links.update(over)  # an effect that came again
    [event] = swept(front)
    front.handle(event)
    assert not front.links
    assert [each.reason for each in front.published("two") if isinstance(each, NeedWithdrawn)] == []


def test_a_row_left_behind_by_an_earlier_claim_blocks_no_need(front: Front) -> None:
    front.served["the-same-person/shelter"] = {
        "referral": "one",
        "need": "one/bed",
        "label": "bed",
        "turn": 7,
        "urgency": "normal",
        "quiet": False,
    }
    effects = front.submit("one")
    assert not [each for each in effects if isinstance(each, Claim)], "it would be refused again and again"
    assert front.now("one").held_back is None


# who is never linked, and who is no longer linked ---------------------------------------------------------------------

CHILD = HouseholdMember(member="child", person=minimum(age_band=AgeBand.CHILD))


@pytest.mark.parametrize(
    "people", [{"together": True}, {"members": ["person", "child"], "together": True}, {"members": ["child"]}]
)
def test_a_need_for_a_household_or_another_member_is_never_linked(front: Front, people: dict[str, Any]) -> None:
    front.submit("one")
    front.submit("two", need("two", **people), household=[CHILD], person=minimum(household_size=2))
    front.submit("three", need("three", **people), household=[CHILD], person=minimum(household_size=2))
    assert [front.now(each).held_back for each in ("two", "three")] == [None, None]
    assert [doc["referral"] for doc in front.served.values()] == ["one"]


def narrowed(referral: str, recipients: Any) -> ConsentReceived:
    of = {"referral_id": referral, "agency": f"agency-of-{referral}", "reference": referral, "received_at": START}
    return ConsentReceived(**of, consent=consent(PersonalField.NAME, recipients=recipients))


def test_a_person_who_may_no_longer_be_recognised_is_no_longer_linked(front: Front) -> None:
    twice(front)
    front.handle(narrowed("two", ["p1"]))
    assert (front.now("two").held_back, front.now("two").recipients) == (None, ["p1"])
    assert not front.links
    front.submit("three")
    front.handle(narrowed("one", ["p1"]))
    assert front.now("three").held_back is None, "the row went to the need that waited for it"
    assert [doc["referral"] for doc in front.served.values()] == ["three"]


def test_a_closed_need_releases_its_row_to_the_next(front: Front) -> None:
    twice(front)
    front.handle(closed(referral_id="one", need_id="one/bed", reference="one", agency="agency-of-one"))
    assert front.now("two").held_back is None
    assert [doc["referral"] for doc in front.served.values()] == ["two"]
