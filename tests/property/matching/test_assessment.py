"""A decided verdict stays the same, whatever else becomes known about a person."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.intake import NeedRegistered
from contracts.provider import Eligibility
from contracts.words import AgeBand, Category, Flag, Rule, Sex, Status, Urgency
from services.matching.eligibility.assessment import age, exclusion, rules_to_assess, sex, status
from tests.support.builders import accepted, minimum, service

DISCLOSED = [Sex.FEMALE, Sex.MALE, Sex.OTHER]
FLAGS = [Flag.PREGNANT, Flag.DISABILITY, Flag.UNACCOMPANIED_CHILD]
flags = st.lists(st.sampled_from(FLAGS), unique=True)
people: Any = st.builds(
    minimum,
    age_band=st.sampled_from(AgeBand),
    sex=st.sampled_from(Sex),
    status=st.none() | st.sampled_from(Status),
    flags=flags,
)
limits: Any = st.builds(
    lambda low, span, **more: Eligibility(minimum_age=low, maximum_age=min(150, low + span), **more),
    low=st.integers(0, 70),
    span=st.sampled_from([0, 5, 20, 150]),
    sexes=st.lists(st.sampled_from(Sex), unique=True),
    statuses=st.lists(st.sampled_from(Status), unique=True),
    not_statuses=st.lists(st.sampled_from(Status), unique=True),
    flags_any=flags,
    not_flags=flags,
)
VERDICTS = {Rule.AGE: age, Rule.SEX: sex, Rule.STATUS: status, Rule.EXCLUSION: exclusion}


def needs(group: list[Any]) -> NeedRegistered:
    first, *others = group
    return accepted(person=first, companions=others, places=len(group), category=Category.LEGAL, urgency=Urgency.NORMAL)


@given(st.lists(people, min_size=1, max_size=3), limits, st.data())
def test_a_decided_verdict_stays_when_more_becomes_known(
    group: list[Any], those: Eligibility, data: st.DataObject
) -> None:
    before = needs(group)
    better_known = [
        each.model_copy(
            update={
                "sex": data.draw(st.sampled_from(DISCLOSED)) if each.sex is Sex.UNDISCLOSED else each.sex,
                "status": each.status or data.draw(st.sampled_from(Status)),
            }
        )
        for each in group
    ]
    assume(Sex.UNDISCLOSED not in those.sexes)
    for verdict in (sex, status):
        if verdict(before, those) is not None:
            assert verdict(needs(better_known), those) is verdict(before, those)


@given(st.lists(people, min_size=1, max_size=3), limits)
def test_a_household_is_refused_exactly_if_one_member_is(group: list[Any], those: Eligibility) -> None:
    for verdict in (age, sex, status):
        each = [verdict(needs([person]), those) for person in group]
        expected = False if False in each else None if None in each else True
        assert verdict(needs(group), those) is expected


@given(people, limits)
def test_no_rule_is_both_failed_and_left_to_assess(person: Any, those: Eligibility) -> None:
    need, entry = needs([person]), service(eligibility=those)
    failed = {rule for rule, verdict in VERDICTS.items() if verdict(need, those) is False}
    assert failed.isdisjoint(rules_to_assess(need, entry))


@given(people, limits)
def test_a_child_never_goes_to_a_service_for_adults_whatever_is_unknown(person: Any, those: Eligibility) -> None:
    child = person.age_band.years[1] < 18 or Flag.UNACCOMPANIED_CHILD in person.flags
    if child and those.minimum_age >= 18:
        assert age(needs([person]), those) is False
