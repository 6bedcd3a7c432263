"""Alternatives, exclusions and what unknown does: the planes of the index say what the plain definition says."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.eligibility import Criteria, Eligibility
from contracts.intake import MinimalProfile, NeedRegistered
from contracts.words import Category, Flag, Sex, Status, Urgency
from services.matching.directory.directory import Directory
from services.matching.eligibility import assessment
from services.matching.eligibility.alternatives import Group, can_be_met, meets_conditions
from services.matching.eligibility.rules import Case
from tests.support.builders import accepted, service
from tests.support.clock import START

from .test_index import conjunctions, limits, people

some_limits: Any = st.builds(
    lambda flat, alternatives, exclusions: Eligibility(
        **{**dict(flat), "any_of": alternatives, "none_of": exclusions},
    ),
    conjunctions | st.just(Criteria()),
    st.lists(conjunctions, max_size=4),
    st.lists(conjunctions, max_size=2),
)
needs: Any = st.builds(
    lambda group, more, **changes: accepted(person=group[0], companions=group[1:], places=len(group) + more, **changes),
    group=st.lists(people, min_size=1, max_size=2),
    more=st.sampled_from([0, 0, 1]),
    category=st.sampled_from([Category.SHELTER, Category.HEALTH]),
    urgency=st.sampled_from([Urgency.NORMAL, Urgency.EMERGENCY]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(some_limits, min_size=1, max_size=10), st.lists(needs, min_size=1, max_size=6))
def test_all_services_at_once_are_judged_as_each_by_itself(
    those: list[Eligibility], asked: list[NeedRegistered]
) -> None:
    directory = Directory()
    for number, each in enumerate(those):
        entry = service(categories=[Category.SHELTER, Category.HEALTH], capacity=99, eligibility=each)
        directory.put("p1", str(number), 0, entry)
    for need in asked:
        found = directory.find(Case(need, (), START, timedelta()))
        verdicts = {f"p1/{number}": _verdicts(need, each) for number, each in enumerate(those)}
        able = {id_ for id_, each in verdicts.items() if False not in each}
        assert {each.id for each in found.entries} == able
        assert found.unknown.keys() == {id_ for id_ in able if None in verdicts[id_]}


def _verdicts(need: NeedRegistered, limits: Eligibility) -> list[bool | None]:
    household = limits.maximum_household is None or need.person.household_size <= limits.maximum_household
    rules = (assessment.age, assessment.sex, assessment.status, assessment.exclusion, assessment.conditions)
    return [household, *(rule(need, limits) for rule in rules)]


def group(person: MinimalProfile, **changes: Any) -> Group:
    return Group([person], False, person.household_size, False)._replace(**changes)


@given(people, limits, conjunctions, st.booleans())
def test_an_alternative_more_never_keeps_anybody_away_and_an_exclusion_more_lets_nobody_in(
    person: MinimalProfile, those: Eligibility, more: Criteria, undescribed: bool
) -> None:
    whom = group(person, undescribed=undescribed)
    order = [False, None, True]
    before = order.index(meets_conditions(whom, those))
    if those.any_of:
        wider = those.model_copy(update={"any_of": [*those.any_of, more]})
        assert order.index(meets_conditions(whom, wider)) >= before
    narrower = those.model_copy(update={"none_of": [*those.none_of, more]})
    assert order.index(meets_conditions(whom, narrower)) <= before


@given(people, limits)
def test_whom_anything_lets_through_makes_it_possible(person: MinimalProfile, those: Eligibility) -> None:
    if person.status is None or person.sex is Sex.UNDISCLOSED:
        return
    need = accepted(person=person, category=Category.LEGAL, urgency=Urgency.NORMAL)
    if False not in _verdicts(need, those):
        assert can_be_met(those)


@given(people, limits)
def test_with_emergencies_residence_status_decides_nothing(person: MinimalProfile, those: Eligibility) -> None:
    told = {
        meets_conditions(group(person.model_copy(update={"status": each}), ignores_status=True), those)
        for each in (None, *Status)
    }
    assert len(told) == 1


def test_flags_are_enough_in_one_of_a_household_but_who_is_excluded_is_so_alone() -> None:
    for_pregnant = Eligibility(any_of=[Criteria(flags_any=[Flag.PREGNANT])])
    mother, son = (
        MinimalProfile(age_band="18-59", sex="female", languages=["ru"], flags=each) for each in (["pregnant"], [])
    )
    family = Group([mother, son], False, 2, False)
    assert meets_conditions(family, for_pregnant) is True
    assert meets_conditions(group(son), for_pregnant) is False
    men_but_disabled = Eligibility(none_of=[Criteria(sexes=[Sex.FEMALE], not_flags=[Flag.PREGNANT])])
    assert meets_conditions(group(mother), men_but_disabled) is True
    assert meets_conditions(family, men_but_disabled) is False
