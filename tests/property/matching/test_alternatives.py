"""Alternatives, exclusions and the unknown: the bitmaps of the index agree with the plain definition."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.eligibility import Criteria, Eligibility
from contracts.intake import NeedRegistered
from contracts.profiles import MinimalProfile
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
def test_all_services_at_once_are_judged_like_each_by_itself(
    those: list[Eligibility], searches: list[NeedRegistered]
) -> None:
    directory = Directory()
    for number, each in enumerate(those):
        entry = service(categories=[Category.SHELTER, Category.HEALTH], capacity=99, eligibility=each)
        directory.put("p1", str(number), 0, entry)
    for need in searches:
        result = directory.find(Case(need, (), START, timedelta()))
        verdicts = {f"p1/{number}": _verdicts(need, each) for number, each in enumerate(those)}
        able = {id_ for id_, each in verdicts.items() if False not in each}
        assert {each.id for each in result.entries} == able
        assert result.unknown.keys() == {id_ for id_ in able if None in verdicts[id_]}


def _verdicts(need: NeedRegistered, limits: Eligibility) -> list[bool | None]:
    household = limits.maximum_household is None or need.person.household_size <= limits.maximum_household
    rules = (assessment.age, assessment.sex, assessment.status, assessment.exclusion, assessment.conditions)
    return [household, *(rule(need, limits) for rule in rules)]


def group(person: MinimalProfile, **changes: Any) -> Group:
    return Group([person], False, person.household_size, False)._replace(**changes)


@given(people, limits, conjunctions, st.booleans())
def test_one_more_alternative_keeps_nobody_away_and_one_more_exclusion_lets_nobody_in(
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
def test_an_entry_that_somebody_meets_can_be_met(person: MinimalProfile, those: Eligibility) -> None:
    if person.status is None or person.sex is Sex.UNDISCLOSED:
        return
    need = accepted(person=person, category=Category.LEGAL, urgency=Urgency.NORMAL)
    if False not in _verdicts(need, those):
        assert can_be_met(those)


@given(people, limits)
def test_where_status_is_ignored_it_decides_nothing(person: MinimalProfile, those: Eligibility) -> None:
    verdicts = {
        meets_conditions(group(person.model_copy(update={"status": each}), ignores_status=True), those)
        for each in (None, *Status)
    }
    assert len(verdicts) == 1


def test_one_member_with_a_required_flag_is_enough_but_exclusions_count_own_flags_only() -> None:
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
