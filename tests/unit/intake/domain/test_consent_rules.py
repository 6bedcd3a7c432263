"""Consents that contradict themselves are refused with what to do, at the gate and when consent changes."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import agency, intake
from contracts.agency import Consent
from contracts.words import AgeBand, ConsentGiver, LegalBasis, PersonalField
from services.intake.domain.consent_rules import RULES, USUAL, ConsentLimits, Question, Subject, contradictions
from services.intake.domain.policy import IntakePolicy
from services.intake.settings import IntakeSettings
from tests.support.builders import REFERRAL, minimum
from tests.support.clock import START
from tests.support.intake_world import MASTER, SECRET, IntakeGate, body, person, received
from tests.support.rig import OPERATOR_PUBLIC
from tests.support.stream import Stream, replied

ALL = [field.value for field in PersonalField]
ADULT = Subject("BY-BR", (38, 38), with_child=False, birth_date=date(1988, 2, 3))
CHILD = Subject("BY-BR", (5, 5), with_child=True, caregiver_informed=True)
BORN = START.date() - timedelta(days=300)
TO_ANY = [{"recipients": "any", "fields": ALL}]


def consent(basis: str = "consent", by: str = "person", days_ago: float = 0, grants: Any = TO_ANY) -> Consent:
    at = START - timedelta(days=days_ago)
    return Consent.model_validate({"basis": basis, "given_by": by, "given_at": at, "grants": grants})


def broken(now: Consent, subject: Subject = ADULT, limits: ConsentLimits = USUAL) -> list[str]:
    """The fields that are reported, without the prefix."""
    problems = contradictions(Question(now, subject, START, limits))
    return [each.field.removeprefix("consent.") for each in problems]


# One by one ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "subject", "field"),
    [
        (consent(by="nobody"), ADULT, "given_by"),
        (consent(by="person"), CHILD, "given_by"),
        (consent(by="person"), CHILD._replace(ages=(15, 15)), "given_by"),
        (consent(by="person"), CHILD._replace(ages=AgeBand.CHILD.years), "given_by"),
        (consent(by="caregiver"), ADULT, "given_by"),
        (consent(by="caregiver"), CHILD._replace(caregiver_informed=False), "given_by"),
        (consent(days_ago=126 * 365), ADULT, "given_at"),
        (consent(days_ago=6 * 365), ADULT, "given_at"),
        (consent(days_ago=-2), ADULT, "given_at"),
        (consent(days_ago=-73 * 365), ADULT, "given_at"),
        (consent(by="caregiver", days_ago=400), CHILD._replace(birth_date=BORN), "given_at"),
        (consent("legal-obligation", "nobody"), ADULT, "grants"),
        (consent("best-interest-of-child", "nobody"), ADULT, "basis"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused(now: Consent, subject: Subject, field: str) -> None:
    assert broken(now, subject) == [field]


@pytest.mark.parametrize(
    ("now", "subject"),
    [
        (consent(), ADULT),
        (consent(days_ago=-0.5), ADULT),
        (consent(days_ago=4 * 365), ADULT),
        (consent(by="legal-guardian"), ADULT),
        (consent(), CHILD._replace(ages=(16, 16))),
        (consent(), CHILD._replace(ages=AgeBand.ADOLESCENT.years)),
        (consent(by="caregiver"), CHILD),
        (consent(by="caregiver"), CHILD._replace(caregiver_informed=None)),
        (consent(by="legal-guardian"), CHILD._replace(caregiver_informed=False)),
        (consent("best-interest-of-child", "nobody"), CHILD),
        (consent("best-interest-of-child", "nobody"), ADULT._replace(with_child=True)),
        (consent("vital-interest", "nobody"), ADULT),
        (consent("vital-interest", "person"), CHILD),
        (consent("legal-obligation", "nobody", grants=[{"recipients": ["court"], "fields": ALL}]), ADULT),
        (consent("legal-obligation", "nobody", grants=[{"recipients": "any", "fields": []}]), ADULT),
    ],
)
def test_what_can_be_meant_is_not_refused(now: Consent, subject: Subject) -> None:
    assert broken(now, subject) == []


@pytest.mark.parametrize(
    ("region", "age", "field"), [("LV", 13, []), ("LV-RIX", 12, ["given_by"]), ("PL-06", 15, ["given_by"])]
)
def test_the_age_of_consent_is_the_countrys(region: str, age: int, field: list[str]) -> None:
    limits = ConsentLimits(age_by_country={"LV": 13})
    assert broken(consent(), CHILD._replace(admin1=region, ages=(age, age)), limits) == field


SUBJECTS = st.builds(
    Subject,
    st.sampled_from(["BY-BR", "LV"]),
    st.tuples(st.integers(0, 90), st.integers(0, 60)).map(lambda ages: (ages[0], ages[0] + ages[1])),
    st.booleans(),
    st.none() | st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.none() | st.booleans(),
)
CONSENTS = st.builds(
    consent,
    st.sampled_from(list(LegalBasis)),
    st.sampled_from(list(ConsentGiver)),
    st.floats(-50_000, 50_000),
    st.lists(
        st.builds(dict, recipients=st.sampled_from(["any", ["a"]]), fields=st.sampled_from([[], ALL])), max_size=2
    ),
)


@given(CONSENTS, SUBJECTS)
def test_consent_can_be_taken_back_whatever_it_says(now: Consent, subject: Subject) -> None:
    assert broken(now.model_copy(update={"grants": []}), subject) == []


@given(CONSENTS.filter(lambda now: bool(now.grants)), SUBJECTS)
def test_what_passes_is_somebodys_of_age_and_lately(now: Consent, subject: Subject) -> None:
    """The promise, said a second time and in another way than the table."""
    if broken(now, subject):
        return
    assert START - timedelta(days=5 * 365) <= now.given_at <= START + timedelta(days=1)
    if now.basis is LegalBasis.CONSENT:
        assert now.given_by is not ConsentGiver.NOBODY
        assert now.given_by is not ConsentGiver.PERSON or subject.ages[1] >= 16
    if now.basis is LegalBasis.LEGAL_OBLIGATION:
        assert all(grant.recipients != "any" for grant in now.grants if grant.fields)


def test_every_rule_has_a_source_and_says_what_to_do() -> None:
    for rule in RULES:
        assert rule.source, rule.name
        assert rule.fix.format(age=16)[0].islower()
        assert len(rule.fix) < 130
    assert len({rule.name for rule in RULES}) == len(RULES)


# At the gate, and when consent changes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"consent": {"given_by": "nobody"}}, "consent.given_by"),
        ({"consent": {"given_at": "1900-01-01T00:00:00Z"}}, "consent.given_at"),
        ({"consent": {"given_at": "2099-01-01T00:00:00Z"}}, "consent.given_at"),
        ({"consent": {"basis": "legal-obligation"}}, "consent.grants"),
        ({"consent": {}, "person": person(birth_date="2020-02-03")}, "consent.given_by"),
    ],
)
async def test_the_gate_refuses_it(changes: dict[str, Any], field: str) -> None:
    whole = body()
    for kind in (agency.Submitted, agency.Corrected):
        gate = IntakeGate()
        gate.send(kind, body(**{**changes, "consent": {**whole["consent"], **changes["consent"]}}))
        [out] = await gate.run()
        if out.type != intake.ReferralRefused.ce_type():
            pytest.fail(f"{kind.__name__} was admitted")
        assert [each.field for each in intake.ReferralRefused.read(out.event.data).problems] == [field]


async def test_the_gate_takes_a_flag_for_a_child_whatever_age_is_stated() -> None:
    flagged = person(birth_date="2000-02-03", flags=["unaccompanied-child"])
    gate = IntakeGate()
    guardian = {"basis": "best-interest-of-child", "given_by": "legal-guardian"}
    gate.send(agency.Submitted, body(person=flagged, consent={**body()["consent"], **guardian}))
    [out] = await gate.run()
    assert out.type == intake.ReferralReceived.ce_type()


def test_a_changed_consent_is_held_against_the_referral() -> None:
    stream = Stream("intake", IntakePolicy(), REFERRAL)
    guardian = consent(by="legal-guardian")
    stream.handle(received(person=minimum(age_band=AgeBand.CHILD), consent=guardian), context=set())
    later = START + timedelta(hours=1)
    for now, fields in [
        (consent(by="person", days_ago=-0.01), ["consent.given_by"]),
        (consent(by="caregiver", days_ago=-400), ["consent.given_at"]),
        (consent("legal-obligation", "nobody", days_ago=-0.01), ["consent.grants"]),
    ]:
        of = {"referral_id": REFERRAL, "agency": "agency-1", "reference": "R-1"}
        effects = stream.handle(intake.ConsentReceived(**of, consent=now, received_at=later), context=set())
        [refused] = [each.event for each in replied(effects) if isinstance(each.event, intake.ReferralRefused)]
        assert [each.field for each in refused.problems] == fields
        assert stream.state.stored.consent == guardian


def test_the_settings_say_from_which_age_a_person_consents() -> None:
    settings = IntakeSettings(
        operator_key=OPERATOR_PUBLIC, id_secret=SECRET, master_key=MASTER, consent_age_by_country={"LV": 13}
    )
    assert settings.consent_limits == ConsentLimits(16, {"LV": 13}, timedelta(days=5 * 365))
