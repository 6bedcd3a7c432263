"""Alternatives, exclusions, and what a criterion does with the unknown."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.eligibility import Criteria, Eligibility, IfUnknown
from contracts.intake import NeedRegistered
from contracts.words import AgeBand, Category, Flag, Rule, Sex, Status, Unknown, Urgency
from services.matching.admission import contradictions
from services.matching.domain.state import WaitingNeed
from services.matching.eligibility.alternatives import can_be_met
from services.matching.eligibility.assessment import conditions, rules_to_assess, sex
from tests.support.builders import accepted, minimum, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

CITIZENS_OR_TRAFFICKED_CHILDREN = Eligibility(
    any_of=[
        Criteria(statuses=[Status.CITIZEN]),
        Criteria(flags_any=[Flag.TRAFFICKING_VICTIM], maximum_age=17),
    ]
)


def need(*others: Any, **person: Any) -> NeedRegistered:
    group = {"companions": [minimum(**each) for each in others], "places": 1 + len(others)}
    return accepted(person=minimum(**person), category=Category.LEGAL, urgency=Urgency.NORMAL, **group)


@pytest.mark.parametrize(
    ("person", "verdict"),
    [
        ({"status": Status.CITIZEN}, True),
        ({"status": Status.IRREGULAR}, False),
        ({}, None),
        ({"age_band": AgeBand.CHILD, "flags": [Flag.TRAFFICKING_VICTIM]}, True),
        ({"flags": [Flag.TRAFFICKING_VICTIM], "status": Status.IRREGULAR}, False),
        ({"age_band": AgeBand.CHILD, "status": Status.IRREGULAR}, False),
    ],
)
def test_one_alternative_is_enough_and_must_be_met_in_full(person: dict[str, Any], verdict: bool | None) -> None:
    assert conditions(need(**person), CITIZENS_OR_TRAFFICKED_CHILDREN) is verdict


def test_each_member_of_a_household_may_meet_another_alternative() -> None:
    women_or_children = Eligibility(any_of=[Criteria(sexes=[Sex.FEMALE]), Criteria(maximum_age=17)])
    son = {"sex": Sex.MALE, "age_band": AgeBand.CHILD}
    assert conditions(need(son), women_or_children) is True
    assert conditions(need({**son, "age_band": AgeBand.ADULT}), women_or_children) is False
    undescribed = need(son).model_copy(update={"places": 3})
    assert conditions(undescribed, women_or_children) is None


def test_a_person_who_meets_an_exclusion_in_full_is_excluded_with_the_household() -> None:
    no_adult_men = Eligibility(none_of=[Criteria(sexes=[Sex.MALE], minimum_age=18)])
    assert conditions(need(), no_adult_men) is True
    assert conditions(need(sex=Sex.MALE), no_adult_men) is False
    assert conditions(need(sex=Sex.MALE, age_band=AgeBand.CHILD), no_adult_men) is True
    assert conditions(need({"sex": Sex.MALE}), no_adult_men) is False
    assert conditions(need(sex=Sex.UNDISCLOSED), no_adult_men) is None


@pytest.mark.parametrize(("decided", "verdict"), [("refuse", False), ("accept", True), ("assess", None)])
def test_the_provider_chooses_what_unknown_leads_to(decided: Unknown, verdict: bool | None) -> None:
    if_unknown = IfUnknown(sex=decided, status=decided, description=decided)
    undisclosed = need(sex=Sex.UNDISCLOSED)
    women = Criteria(sexes=[Sex.FEMALE], unknown=if_unknown)
    for limits in (
        Eligibility(any_of=[women]),
        Eligibility(none_of=[Criteria(sexes=[Sex.MALE], unknown=if_unknown)]),
        Eligibility(none_of=[Criteria(statuses=[Status.CITIZEN], unknown=if_unknown)]),
        Eligibility(description="Ask us", unknown=if_unknown),
    ):
        assert conditions(undisclosed, limits) is verdict, limits
    assert sex(undisclosed, women) is verdict
    assert sex(need().model_copy(update={"places": 2}), women) is verdict, "somebody is not described"
    assert sex(need(), women) is True


def test_unknown_conditions_are_listed_for_assessment() -> None:
    made = MatchingWorld()
    made.publish(service(eligibility=CITIZENS_OR_TRAFFICKED_CHILDREN, categories=[Category.LEGAL]), "p1")
    made.handle(need())
    (stream,) = made.streams
    match = made.match(stream)
    assert match is not None
    assert match.needs_assessment == [Rule.CONDITIONS]
    assert rules_to_assess(need(), service(eligibility=CITIZENS_OR_TRAFFICKED_CHILDREN)) == [Rule.CONDITIONS]


def test_a_need_that_meets_no_alternative_waits_and_the_funnel_shows_why() -> None:
    made = MatchingWorld()
    made.publish(service(eligibility=CITIZENS_OR_TRAFFICKED_CHILDREN, categories=[Category.LEGAL]), "p1")
    made.handle(need(status=Status.IRREGULAR))
    (stream,) = made.streams
    assert isinstance(made.state(stream), WaitingNeed)
    last = made.facts(stream)[-1].funnel[-1]  # type: ignore[attr-defined]
    assert (last.rule, last.left) == (Rule.CONDITIONS, 0)


@pytest.mark.parametrize("limits", [CITIZENS_OR_TRAFFICKED_CHILDREN, Eligibility(sexes=[Sex.FEMALE])])
def test_the_provider_gets_the_residence_status_only_if_an_alternative_asks_for_it(limits: Eligibility) -> None:
    made = MatchingWorld()
    made.publish(service(eligibility=limits, categories=[Category.LEGAL]), "p1")
    made.handle(need(status=Status.CITIZEN))
    match = made.match(made.streams[0])
    assert match is not None
    assert (match.person.status is None) is not bool(limits.any_of)


@pytest.mark.parametrize(
    ("limits", "can"),
    [
        ({"sexes": ["female"], "any_of": [{"sexes": ["male"]}]}, False),
        ({"sexes": ["female"], "any_of": [{"sexes": ["male"]}, {"minimum_age": 60}]}, True),
        ({"maximum_age": 17, "any_of": [{"minimum_age": 18}]}, False),
        ({"statuses": ["citizen"], "none_of": [{"statuses": ["citizen", "resident"]}]}, False),
        ({"none_of": [{"sexes": ["female"]}, {"sexes": ["male", "other", "undisclosed"]}]}, False),
        ({"flags_any": ["pregnant"], "any_of": [{"flags_any": ["disability"]}, {"maximum_age": 4}]}, True),
        ({"not_flags": ["pregnant"], "any_of": [{"flags_any": ["pregnant"]}]}, False),
        ({"none_of": [{"maximum_household": 30}]}, False),
        ({"none_of": [{"maximum_household": 1}]}, True),
        ({"description": "Ask us"}, True),
        ({"description": "Ask us", "unknown": {"description": "refuse"}}, False),
        ({}, True),
    ],
)
def test_an_entry_that_nobody_can_meet_is_reported(limits: dict[str, Any], can: bool) -> None:
    those = Eligibility.model_validate(limits)
    assert can_be_met(those) is can
    fields = [each.field for each in contradictions(service(eligibility=those), START.date())]
    assert fields == ([] if can else ["eligibility"])


@pytest.mark.parametrize("name", ["any_of", "none_of"])
def test_an_alternative_without_criteria_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name}.1 states no criterion"):
        Eligibility.model_validate({name: [{"minimum_age": 18}, {"unknown": {"age": "refuse"}}]})
