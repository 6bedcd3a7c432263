"""A referral of several people: whom each need is for, what is sealed, and what is released."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from contracts import agency
from contracts.base import Message
from contracts.intake import NeedRegistered, ReferralReceived, ReferralRefused, Released
from contracts.profiles import HouseholdMember
from contracts.words import AgeBand, Flag, PersonalField, Sex, Urgency
from services.chassis.decider import Emit
from services.chassis.encryption import unseal
from services.intake.domain.policy import IntakePolicy
from services.intake.privacy.person import Personal, purpose
from tests.support.builders import minimum
from tests.support.intake_world import (
    IntakeGate,
    body,
    consent,
    need,
    received,
    release_requested,
    requested,
    submission,
)
from tests.support.stream import Stream, emitted, replied

SON, AUNT = "Zqson Lopez", "Zqaunt Lopez"
HOUSEHOLD: list[dict[str, Any]] = [
    {"member": "c1", "name": SON, "relation": "son of Zq", "birth_date": "2018-02-03", "sex": "male"},
    {"member": "a1", "name": AUNT, "age_band": "60+", "sex": "female", "languages": ["uk"], "disability": True},
]
BOY = HouseholdMember(member="c1", person=minimum(age_band=AgeBand.CHILD, sex=Sex.MALE, household_size=3))
AUNTIE = HouseholdMember(member="a1", person=minimum(age_band=AgeBand.OLDER, flags=[Flag.DISABILITY], household_size=3))


def referral(*needs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return body(household=HOUSEHOLD, needs=list(needs) or [need()], **changes)


def fix(**changes: Any) -> str:
    with pytest.raises(ValidationError) as fault:
        submission(**changes)
    return str(fault.value)


# what an agency can send ----------------------------------------------------------------------------------------------


def test_contradictions_are_refused_with_a_hint() -> None:
    twice, self_ = [HOUSEHOLD[0]] * 2, [{**HOUSEHOLD[0], "member": "person"}]
    assert "a label of its own" in fix(household=twice)
    assert "a label of its own" in fix(household=self_)
    assert "by the labels in household" in fix(household=HOUSEHOLD, needs=[need(members=["c2"])])
    assert "name each member once" in fix(household=HOUSEHOLD, needs=[need(members=["c1", "c1"])])
    assert "has a need of their own" in fix(household=HOUSEHOLD, needs=[need(members=["c1", "a1"], together=False)])
    assert "counts the person and each member" in fix(household=HOUSEHOLD, household_size=2)
    assert "either birth_date or age_band" in fix(household=[{"member": "c1", "sex": "male"}])


@pytest.mark.parametrize(
    ("what", "household", "together"),
    [
        ({"category": "shelter"}, 3, True),
        ({"category": "shelter"}, 1, False),
        ({"category": "shelter", "together": False}, 3, False),
        ({"category": "legal"}, 3, False),
        ({"category": "legal", "together": True}, 3, True),
        ({"category": "legal", "together": True}, 1, False),
        ({"category": "legal", "members": ["c1", "a1"]}, 3, True),
        ({"category": "shelter", "members": ["c1"]}, 3, False),
    ],
)
def test_shelter_and_several_members_are_together_by_default(
    what: dict[str, Any], household: int, together: bool
) -> None:
    assert agency.ReferralNeed.model_validate(need(**what)).is_together(household) is together


# the gate -------------------------------------------------------------------------------------------------------------


async def test_members_are_minimised_and_sealed_like_the_person() -> None:
    gate = IntakeGate()
    out = await gate.passed(referral(need(members=["c1"], note=None)))
    got = ReferralReceived.read(out.event.data)
    assert [(each.member, each.person.age_band, each.person.languages) for each in got.household] == [
        ("c1", AgeBand.CHILD, ["ru"]),
        ("a1", AgeBand.OLDER, ["uk"]),
    ]
    assert got.household[1].person.flags == [Flag.DISABILITY]
    assert got.person.household_size == 3
    heap = b"".join(gate.written())
    assert not [each for each in (SON, AUNT, "2018-02-03", "son of Zq") if each.encode() in heap]
    key = (await gate.keys.find([got.referral_id]))[got.referral_id]
    box = unseal(key, got.personal.box, purpose(got.referral_id))
    assert Personal.model_validate_json(box) == Personal.from_referral(
        submission(**referral(need(members=["c1"], note=None)))
    )
    assert SON in box.decode()


async def test_a_members_impossible_birth_date_is_reported_by_path() -> None:
    gate = IntakeGate()
    out = await gate.passed(body(household=[HOUSEHOLD[1], {**HOUSEHOLD[0], "birth_date": "2999-01-01"}]))
    assert [each.field for each in ReferralRefused.read(out.event.data).problems] == ["household.1.birth_date"]


def test_a_person_without_household_is_sealed_to_the_same_bytes_as_ever() -> None:
    alone = Personal.from_referral(submission())
    assert "household" not in json.loads(alone.model_dump_json(exclude_defaults=True))
    assert Personal.model_validate_json(alone.model_dump_json(exclude_defaults=True)) == alone


# the policy -----------------------------------------------------------------------------------------------------------


def of(*needs: Any, **changes: Any) -> ReferralReceived:
    return received(*needs, **{"person": minimum(household_size=3), "household": [BOY, AUNTIE], **changes})


def known(event: ReferralReceived) -> tuple[Stream, list[NeedRegistered]]:
    stream = Stream("intake", IntakePolicy())
    return stream, emitted(stream.handle(event, context={"provider-1"}), NeedRegistered)


def test_a_need_for_everyone_takes_a_place_for_each() -> None:
    _, [accepted] = known(of(requested(together=True)))
    assert (accepted.places, accepted.person.household_size) == (3, 3)
    assert [each.age_band for each in accepted.people] == [AgeBand.ADULT, AgeBand.CHILD, AgeBand.OLDER]


def test_people_who_are_not_described_have_a_place_too() -> None:
    _, [accepted] = known(of(requested(together=True), person=minimum(household_size=5)))
    assert (accepted.places, len(accepted.people)) == (5, 3)


def test_a_need_of_one_member_is_for_that_member() -> None:
    _, [school, bed] = known(
        of(requested("school", members=["c1"]), requested("bed", members=["a1", "c1"], together=True))
    )
    assert (school.places, school.people) == (1, [BOY.person.model_copy(update={"household_size": 1})])
    assert (bed.places, [each.age_band for each in bed.people]) == (2, [AgeBand.OLDER, AgeBand.CHILD])


def test_a_need_without_members_is_for_the_person() -> None:
    _, [legal] = known(of(requested()))
    assert (legal.places, legal.companions, legal.person) == (1, [], minimum(household_size=3))


def test_triage_looks_at_the_people_that_the_need_is_for() -> None:
    child = HouseholdMember(member="c1", person=minimum(flags=[Flag.UNACCOMPANIED_CHILD]))
    needs = [requested(str(n), urgency=Urgency.NORMAL, **more) for n, more in enumerate(({}, {"members": ["c1"]}))]
    _, accepted = known(of(*needs, household=[child]))
    assert [each.urgency for each in accepted] == [Urgency.NORMAL, Urgency.URGENT]


def test_a_corrected_member_changes_only_the_needs_for_that_member() -> None:
    stream, _ = known(of(requested("bed"), requested("school", members=["c1"])))
    older = HouseholdMember(member="c1", person=BOY.person.model_copy(update={"age_band": AgeBand.ADOLESCENT}))
    needs = [requested("bed"), requested("school", members=["c1"])]
    effects = stream.handle(of(*needs, household=[older, AUNTIE], corrects=True))
    assert [each.need for each in emitted(effects, NeedRegistered)] == ["school"]
    [refused] = replied(stream.handle(of(*needs), id="again"))
    assert isinstance(refused.event, ReferralRefused), "under the same reference it is another referral now"


def _released(event: ReferralReceived, need_: str) -> Released:
    stream, _ = known(event)
    effects = stream.handle(release_requested(need_), context={"provider-1"})
    [fact] = [each.event for each in effects if isinstance(each, Emit)]
    assert isinstance(fact, Released)
    return fact


def test_a_release_lists_the_people_that_the_need_is_for() -> None:
    event: Message = of(
        requested("bed", together=True),
        requested("school", members=["c1"]),
        requested("law"),
        consent=consent(PersonalField.NAME),
    )
    assert isinstance(event, ReferralReceived)
    assert [_released(event, each).members for each in ("bed", "school", "law")] == [
        ["person", "c1", "a1"], ["c1"], ["person"],
    ]  # fmt: skip


# what is released -----------------------------------------------------------------------------------------------------


def test_only_the_people_that_the_need_is_for_are_identified() -> None:
    whole = Personal.from_referral(submission(**referral()))
    fields = [PersonalField.NAME, PersonalField.CONTACT]
    of_son = whole.release(fields, "bed", ["c1"])
    assert of_son["household"] == [{"member": "c1", "name": SON, "relation": "son of Zq"}]
    assert "name" not in of_son
    assert of_son["contact"], "the household is reached by the person's contact"
    of_all = whole.release(fields, "bed", ["person", "c1", "a1"])
    assert [each["member"] for each in of_all["household"]] == ["c1", "a1"]
    assert of_all["name"]
    assert "household" not in whole.release(fields, "bed", ["person"])
    assert whole.release(fields, "bed") == whole.release(fields, "bed", ["person"])


def test_consent_limits_the_fields_of_members_like_those_of_the_person() -> None:
    released = Personal.from_referral(submission(**referral())).release([PersonalField.CONTACT], "bed", ["c1"])
    assert released["household"] == [{"member": "c1"}]
