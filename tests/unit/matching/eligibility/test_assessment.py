"""The unknown and the contradictory have to be assessed; the known is decided."""

from typing import Any

import pytest

from contracts.intake import NeedRegistered
from contracts.provider import Eligibility
from contracts.words import AgeBand, Category, Flag, Rule, Sex, Status, Urgency
from services.matching.eligibility.assessment import rules_to_assess
from tests.support.builders import accepted, minimum, service
from tests.support.matching_world import MatchingWorld


def asks(need: NeedRegistered, **limits: Any) -> list[Rule]:
    return rules_to_assess(need, service(eligibility=Eligibility(**limits)))


def person(**changes: Any) -> NeedRegistered:
    return accepted(person=minimum(**changes))


@pytest.mark.parametrize(
    ("whom", "limits", "rules"),
    [
        ({"sex": Sex.UNDISCLOSED}, {"sexes": [Sex.FEMALE]}, [Rule.SEX]),
        ({"sex": Sex.UNDISCLOSED}, {}, []),
        ({"sex": Sex.UNDISCLOSED}, {"sexes": list(Sex)}, []),
        ({}, {"statuses": [Status.PROTECTED]}, [Rule.STATUS]),
        ({}, {"not_statuses": [Status.IRREGULAR]}, [Rule.STATUS]),
        ({"status": Status.PROTECTED}, {"statuses": [Status.PROTECTED]}, []),
        ({"status": Status.PROTECTED}, {"statuses": [Status.PROTECTED], "not_statuses": [Status.PROTECTED]},
         [Rule.STATUS]),
        ({"age_band": AgeBand.ADOLESCENT}, {"minimum_age": 16}, [Rule.AGE]),
        ({"age_band": AgeBand.ADULT}, {"minimum_age": 18, "maximum_age": 60}, []),
        ({"age_band": AgeBand.OLDER}, {"minimum_age": 60}, []),
        ({"flags": [Flag.UNACCOMPANIED_CHILD]}, {"maximum_age": 17}, [Rule.AGE]),
        ({"flags": [Flag.UNACCOMPANIED_CHILD]}, {}, []),
        ({"flags": [Flag.PREGNANT]}, {"flags_any": [Flag.PREGNANT], "not_flags": [Flag.PREGNANT]}, [Rule.EXCLUSION]),
        ({"flags": [Flag.PREGNANT]}, {"flags_any": [Flag.PREGNANT]}, []),
        ({"sex": Sex.UNDISCLOSED}, {"sexes": [Sex.MALE], "statuses": [Status.RESIDENT]}, [Rule.SEX, Rule.STATUS]),
    ],
)  # fmt: skip
def test_the_unknown_has_to_be_assessed(whom: dict[str, Any], limits: dict[str, Any], rules: list[Rule]) -> None:
    assert asks(person(**whom), **limits) == rules


def test_status_is_not_assessed_where_it_must_not_be_looked_at() -> None:
    limits = {"statuses": [Status.RESIDENT]}
    assert asks(accepted(urgency=Urgency.EMERGENCY), **limits) == []
    assert asks(accepted(category=Category.HEALTH), **limits) == []


def test_undescribed_members_of_a_household_are_unknown_to_every_limit() -> None:
    family = accepted(places=3, companions=[minimum()])
    assert asks(family, sexes=[Sex.FEMALE], minimum_age=18) == [Rule.AGE, Rule.SEX]
    assert asks(family) == []
    assert asks(family.model_copy(update={"places": 2}), sexes=[Sex.FEMALE], minimum_age=18) == []


def test_the_offer_lists_what_has_to_be_assessed() -> None:
    made = MatchingWorld()
    made.publish(service(eligibility=Eligibility(sexes=[Sex.FEMALE])), "p1")
    made.handle(person(sex=Sex.UNDISCLOSED))
    match = made.match(made.streams[0])
    assert match is not None
    assert match.needs_assessment == [Rule.SEX]


def test_a_service_with_nothing_to_assess_comes_first_however_good_the_other_is() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=9, eligibility=Eligibility(sexes=[Sex.FEMALE])), "p1")
    made.publish(service(capacity=1), "p2")
    made.handle(person(sex=Sex.UNDISCLOSED))
    match = made.match(made.streams[0])
    assert match is not None
    assert (match.provider, match.needs_assessment) == ("p2", [])
