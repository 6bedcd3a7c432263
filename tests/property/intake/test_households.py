"""Whom a need is for: no one is left out or there twice, and everyone has a place."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.agency import Submitted
from contracts.household_rules import PERSON
from contracts.profiles import HouseholdMember
from contracts.words import AgeBand, Flag, PersonalField
from services.intake.admission.minimise import requested_need
from services.intake.domain.household import all_flags, member_labels, people_served
from services.intake.privacy.person import Personal
from tests.support.builders import minimum
from tests.support.intake_world import body, need

BANDS = list(AgeBand)


@st.composite
def submissions(draw: st.DrawFn) -> Submitted:
    labels = [f"m{number}" for number in range(draw(st.integers(0, 4)))]
    household = [
        {"member": label, "name": f"name of {label}", "age_band": draw(st.sampled_from(BANDS)), "sex": "male"}
        for label in labels
    ]
    members = draw(st.lists(st.sampled_from([PERSON, *labels]), unique=True))
    together = draw(st.sampled_from([None, True, False] if len(members) < 2 else [None, True]))
    category = draw(st.sampled_from(["shelter", "legal"]))
    size = draw(st.sampled_from([1, 1 + len(labels), 3 + len(labels)]))
    request = need(category=category, members=members, together=together)
    return Submitted.model_validate(body(household=household, household_size=size, needs=[request]))


@given(submissions())
def test_everyone_the_need_is_for_has_a_place(referral: Submitted) -> None:
    person = minimum(flags=[Flag.PREGNANT], household_size=referral.size)
    household = [HouseholdMember(member=m.member, person=minimum(age_band=m.age_band)) for m in referral.household]
    request = requested_need("r", referral.needs[0], referral.size)
    served = people_served(request.members, request.together, person, household)
    people = [served.person, *served.companions]
    known = {PERSON: person, **{each.member: each.person for each in household}}
    labels = member_labels(request.members, request.together, [each.member for each in household])
    assert len(set(labels)) == len(labels) == len(people)
    assert [each.age_band for each in people] == [known[label].age_band for label in labels]
    assert served.places >= len(people)
    if not request.together:
        assert served.places == 1
    elif request.members:
        assert served.places == len(request.members)
    else:
        assert served.places == referral.size
    assert set(all_flags(people)) == ({Flag.PREGNANT} if PERSON in labels else set())
    assert all(each.household_size in (served.places, referral.size) for each in people)


@given(submissions(), st.data())
def test_a_release_contains_only_the_people_the_need_is_for(referral: Submitted, data: st.DataObject) -> None:
    fields = data.draw(st.lists(st.sampled_from(PersonalField), unique=True))
    request = requested_need("r", referral.needs[0], referral.size)
    labels = member_labels(request.members, request.together, [each.member for each in referral.household])
    released = Personal.from_referral(referral).release(fields, "bed", labels)
    others = {each.member for each in referral.household} - set(labels)
    assert {each["member"] for each in released.get("household", [])} == set(labels) - {PERSON}
    assert not [each for each in others if f"name of {each}" in repr(released)]
    assert ("name" in released) == (PERSON in labels and PersonalField.NAME in fields)
    assert all(("name" in each) == (PersonalField.NAME in fields) for each in released.get("household", []))
