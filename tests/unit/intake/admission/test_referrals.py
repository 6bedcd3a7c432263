"""What passes intake's gate, and above all what does not."""

from datetime import datetime
from typing import Any

import h3
import pytest

from contracts import agency, topics
from contracts.intake import (
    ConsentReceived,
    RecommendationAsked,
    ReferralReceived,
    ReferralRefused,
    StatusAsked,
    WithdrawalReceived,
)
from contracts.profiles import Region
from contracts.recommendation import RecommendationRequested
from contracts.words import AgeBand, Flag, Urgency
from services.chassis.encryption import new_pair, unseal
from services.intake.privacy.person import Personal, purpose
from tests.support.intake_world import CANARIES, INBOX, OUTCOMES, IntakeGate, body, need, person, question
from tests.support.rig import Seen


@pytest.fixture
def gate() -> IntakeGate:
    return IntakeGate()


def admitted(out: Seen) -> ReferralReceived:
    assert out.type == ReferralReceived.ce_type()
    return ReferralReceived.read(out.event.data)


def refusal(out: Seen) -> dict[str, str]:
    """The problems of a refusal, by field."""
    assert (out.type, out.record.topic) == (ReferralRefused.ce_type(), OUTCOMES)
    return {problem.field: problem.fix for problem in ReferralRefused.read(out.event.data).problems}


# no person gets through -----------------------------------------------------------------------------------------------


async def test_nothing_that_leaves_the_gate_contains_a_person(
    gate: IntakeGate, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = CANARIES["name"]
    for kind in (agency.Submitted, agency.Corrected):
        gate.send(kind, body(), id_=name)
        gate.send(kind, body(agency="somebody-else"))
        gate.send(kind, body(reference=name))
        gate.send(kind, body(person=person(caregiver=None, birth_date="2020-02-03")))
        gate.send(kind, body(person=person(sex=name)))
        gate.send(kind, {**body(), name: name})
        gate.send(kind, body(location={"admin1": "BY-BR", "place": CANARIES["place"], "latitude": 52.0975312}))
        gate.send(kind, body(needs=[need(note=CANARIES["note"] * 100)]))
    gate.send(agency.ReferralWithdrawn, {"reference": "R-1", "reason": name})
    gate.send(agency.StatusRequested, {"reference": name}, id_=name)
    gate.send(agency.Submitted, f'{{"reference": "{name}"'.encode())
    out = await gate.run()
    assert len(out) == 19
    assert sum(each.type == ReferralReceived.ce_type() for each in out) == 2
    heap = b"\n".join([*gate.written(), *capsysbinary.readouterr()])
    assert [what for what, canary in CANARIES.items() if canary.encode() in heap] == []


async def test_the_canaries_are_in_the_body_that_is_sent() -> None:
    assert [
        what for what, canary in CANARIES.items() if canary not in agency.Submitted(**body()).model_dump_json()
    ] == []


async def test_the_whole_person_can_be_opened_with_the_referrals_key(gate: IntakeGate) -> None:
    received = admitted(await gate.passed())
    key = (await gate.keys.find([received.referral_id]))[received.referral_id]
    opened = unseal(key, received.personal.box, purpose(received.referral_id))
    assert Personal.model_validate_json(opened) == Personal.from_referral(agency.Submitted(**body()))
    assert received.personal.key_id == received.referral_id


async def test_the_profile_for_matching_is_coarse(gate: IntakeGate) -> None:
    received = admitted(await gate.passed())
    assert received.person.age_band is AgeBand.ADULT
    assert received.region.admin1 == "BY-BR"
    assert received.region.cell is not None
    assert h3.get_resolution(received.region.cell) == 5
    assert received.received_at == gate.clock.now(), "the broker's time"


async def test_without_coordinates_there_is_no_cell(gate: IntakeGate) -> None:
    assert admitted(await gate.passed(body(location={"admin1": "BY"}))).region.cell is None


async def test_a_disability_becomes_a_flag_and_each_flag_is_there_once(gate: IntakeGate) -> None:
    for changes in ({"disability": True}, {"disability": True, "flags": ["disability"]}, {"flags": ["disability"] * 2}):
        assert admitted(await gate.passed(body(person=person(**changes)))).person.flags == [Flag.DISABILITY]


# consent --------------------------------------------------------------------------------------------------------------


async def test_a_changed_consent_goes_to_its_referrals_stream_even_without_grants(gate: IntakeGate) -> None:
    first = await gate.passed()
    gate.send(agency.ConsentChanged, {"reference": "R-1", "consent": {**body()["consent"], "grants": []}})
    [_, out] = await gate.run()
    assert (out.type, out.record.topic, out.record.key) == (ConsentReceived.ce_type(), INBOX, first.record.key)
    changed = ConsentReceived.read(out.event.data)
    assert (changed.consent.grants, changed.received_at) == ([], gate.clock.now())


async def test_whether_a_person_may_be_contacted_is_passed_on(gate: IntakeGate) -> None:
    for may in (True, False):
        contact = {"may_contact": may, "phone": CANARIES["phone"]}
        assert admitted(await gate.passed(body(person=person(contact=contact)))).may_contact is may


@pytest.mark.parametrize("referrer", ["peer", "self"])
async def test_a_referral_needs_no_phone(gate: IntakeGate, referrer: str) -> None:
    for may in (True, False):
        contact = {"may_contact": may}
        admitted(await gate.passed(body(referrer=referrer, person=person(contact=contact))))


# ids and hashes -------------------------------------------------------------------------------------------------------


async def test_an_agencys_reference_identifies_its_referral(gate: IntakeGate) -> None:
    first = await gate.passed()
    again = await gate.passed(body(needs=[need("school")]))
    other = await gate.passed(agency="b")
    assert first.body["referral_id"] == again.body["referral_id"] != other.body["referral_id"]
    assert [each.record.key for each in (first, other)] == [
        each.body["referral_id"].encode() for each in (first, other)
    ]
    assert other.body["agency"] == "b"


async def test_the_id_cannot_be_computed_without_the_secret(gate: IntakeGate) -> None:
    other = IntakeGate(secret=new_pair()[0])
    assert (await gate.passed()).body["referral_id"] != (await other.passed()).body["referral_id"]


async def test_everything_about_a_referral_goes_to_its_stream(gate: IntakeGate) -> None:
    gate.send(agency.Submitted, body())
    gate.send(agency.Corrected, body())
    gate.send(agency.ReferralWithdrawn, {"reference": "R-1", "needs": ["bed"], "reason": "resolved"})
    gate.send(agency.StatusRequested, {"reference": "R-1"})
    out = await gate.run()
    assert {each.record.topic for each in out} == {INBOX}
    assert len({each.record.key for each in out}) == 1
    assert [each.type for each in out] == [
        kind.ce_type() for kind in (ReferralReceived, ReferralReceived, WithdrawalReceived, StatusAsked)
    ]
    assert [each.body.get("corrects") for each in out] == [False, True, None, None]


async def test_one_body_has_one_hash_and_one_digest_but_different_boxes(gate: IntakeGate) -> None:
    first, again = await gate.passed(), await gate.passed()
    assert first.event.bodyhash == again.event.bodyhash
    one, two = admitted(first).personal, admitted(again).personal
    assert one.box != two.box
    assert one.digest == two.digest


async def test_another_body_has_another_hash_and_another_person_another_digest(gate: IntakeGate) -> None:
    outs = [await gate.passed(body(person=person(name=name))) for name in ("Canaria Lopez", "Canaria Lopes")]
    assert len({out.event.bodyhash for out in outs}) == 2
    assert len({admitted(out).personal.digest for out in outs}) == 2
    other = IntakeGate(secret=new_pair()[0])
    assert (await other.passed(body())).event.bodyhash != (await gate.passed(body())).event.bodyhash, "it is keyed"


async def test_a_batch_makes_one_key_for_each_referral(gate: IntakeGate) -> None:
    for reference in ("R-1", "R-1", "R-2"):
        gate.send(agency.Submitted, body(reference=reference))
    await gate.run()
    assert len(gate.claims.tables["keys"]) == 2


# refusals -------------------------------------------------------------------------------------------------------------


async def test_a_body_that_claims_to_be_another_agencys_is_refused(gate: IntakeGate) -> None:
    assert refusal(await gate.passed(body(agency="b"))).keys() == {"agency"}
    admitted(await gate.passed(body(agency="a")))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"birth_date": "2020-02-03", "caregiver": None}, "person.caregiver"),
        ({"birth_date": "2008-03-02", "caregiver": None}, "person.caregiver"),  # 18 tomorrow
        ({"birth_date": None, "age_band": "5-11", "caregiver": None}, "person"),
        ({"birth_date": "2026-03-02"}, "person.birth_date"),  # tomorrow
        ({"birth_date": "1875-12-31"}, "person.birth_date"),
        ({"age_band": "18-59"}, "person"),  # besides the birth date
        ({"contact": {}}, "person.contact.may_contact"),
    ],
)
async def test_errors_about_a_person_are_reported_by_field(
    gate: IntakeGate, changes: dict[str, Any], field: str
) -> None:
    assert refusal(await gate.passed(body(person=person(**changes)))).keys() == {field}


@pytest.mark.parametrize("born", ["2008-03-01", "1876-01-01"])
async def test_an_adult_of_any_age_needs_no_caregiver_from_the_18th_birthday_on(gate: IntakeGate, born: str) -> None:
    admitted(await gate.passed(body(person=person(birth_date=born, caregiver=None))))


async def test_an_unknown_field_is_refused_since_it_could_be_a_misspelt_limit(gate: IntakeGate) -> None:
    consent = {**body()["consent"], "grant": []}
    assert refusal(await gate.passed(body(consent=consent))).keys() == {"consent.grant"}


async def test_a_refusal_contains_the_reference_if_it_can_be_read(gate: IntakeGate) -> None:
    good = await gate.passed()
    refused = await gate.passed(body(needs=[]))
    assert refused.body["reference"] == "R-1"
    assert refused.body["referral_id"] == good.body["referral_id"]
    assert refused.body["sent"] == agency.Submitted.TYPE
    assert refused.record.key == good.record.key


@pytest.mark.parametrize("reference", ["Canaria Lopez", 7, None, ["R-1"]])
async def test_a_refusal_leaves_out_an_invalid_reference(gate: IntakeGate, reference: object) -> None:
    refused = await gate.passed(body(reference=reference))
    assert refusal(refused).keys() >= {"reference"}
    assert refused.body["reference"] == ""
    assert len(refused.body["referral_id"]) == 36


@pytest.mark.parametrize("text", [b"[]", b'"R-1"', b"null", b"{"])
async def test_a_body_that_is_not_an_object_is_refused(gate: IntakeGate, text: bytes) -> None:
    gate.send(agency.Submitted, text)
    [out] = await gate.run()
    assert refusal(out).keys() == {"body"}
    assert out.body["reference"] == ""


async def test_refused_events_without_a_reference_have_different_keys(gate: IntakeGate) -> None:
    gate.send(agency.Submitted, b"[]", id_="x")
    gate.send(agency.Submitted, b"[]", id_="y")
    gate.send(agency.Submitted, b"[]", id_="x", agency="b")
    assert len({out.record.key for out in await gate.run()}) == 3


# recommendation requests ----------------------------------------------------------------------------------------------


async def test_a_question_goes_to_matching_after_triage_and_without_a_data_key(gate: IntakeGate) -> None:
    need_request = {"need": "help", "category": "gbv", "urgency": "normal"}
    gate.send(RecommendationRequested, question(needs=[need_request], household_size=3, recipients=["p1"]))
    [out] = await gate.run()
    assert out.record.topic == topics.INTAKE
    request = RecommendationAsked.read(out.event.data)
    assert (request.agency, request.reference, request.recipients) == ("a", "Q-1", ["p1"])
    [hypothetical] = request.needs
    assert (hypothetical.person.household_size, hypothetical.person.flags, hypothetical.places) == (
        3,
        [Flag.DISABILITY],
        1,
    )
    assert hypothetical.urgency is Urgency.URGENT
    assert request.region == Region(admin1="BY-BR")
    assert not gate.claims.tables.get("keys"), "nothing is stored"


async def test_the_id_of_a_question_differs_from_referrals_and_other_agencies(gate: IntakeGate) -> None:
    referral = admitted(await gate.passed(body(reference="Q-1")))
    for sender in ("a", "b", "a"):
        gate.send(RecommendationRequested, question(), sender)
    ids = [each.body["request_id"] for each in await gate.run() if each.type == RecommendationAsked.ce_type()]
    assert len(set(ids)) == 2
    assert referral.referral_id not in ids


async def test_a_refused_question_is_answered_under_its_own_id(gate: IntakeGate) -> None:
    gate.send(RecommendationRequested, question())
    gate.send(RecommendationRequested, question(needs=[]))
    refused, accepted = await gate.run()
    assert refused.body["sent"] == "agency.recommendation-requested.v1"
    assert refused.body["referral_id"] == accepted.body["request_id"]


async def test_one_id_under_two_references_is_two_referrals(gate: IntakeGate) -> None:
    for reference in ("R-1", "R-2", "R-1"):
        gate.send(agency.Submitted, body(reference=reference), id_="always the same")
    out = await gate.run()
    by_id = {each.event.id: admitted(each).reference for each in out}
    assert (len(out), sorted(by_id.values())) == (3, ["R-1", "R-2"])


# the day of the region -----------------------------------------------------------------------------------------------

DAYS = [
    # A moment in UTC, a region, a birth date, and the band on that day; None: born in the future.
    ("2026-11-30T20:59:59+00:00", "BY-BR", "2008-12-01", AgeBand.ADOLESCENT),
    ("2026-11-30T21:00:00+00:00", "BY-BR", "2008-12-01", AgeBand.ADULT),  # 18 today in Minsk, 17 by UTC
    ("2026-11-30T21:00:00+00:00", "PL-LU", "2008-12-01", AgeBand.ADOLESCENT),
    ("2026-12-01T07:59:59+00:00", "US-CA", "2008-12-01", AgeBand.ADOLESCENT),  # 18 by UTC, 17 in California
    ("2026-12-01T08:00:00+00:00", "US-CA", "2008-12-01", AgeBand.ADULT),
    ("2026-11-30T21:00:00+00:00", "BY-BR", "2026-12-01", AgeBand.TODDLER),  # born today in Minsk, "tomorrow" by UTC
    ("2026-11-30T20:59:59+00:00", "BY-BR", "2026-12-01", None),
    ("2026-11-30T12:00:00+00:00", "RU-MOW", "2026-12-01", AgeBand.TODDLER),  # it is that day already in Kamchatka
    ("2026-11-30T11:59:59+00:00", "RU-MOW", "2026-12-01", None),
    ("2026-11-30T14:00:00+00:00", "RU-KAM", "1966-12-01", AgeBand.OLDER),
]


@pytest.mark.parametrize(("moment", "region", "born", "band"), DAYS)
@pytest.mark.parametrize("of_member", [False, True])
async def test_a_day_is_that_of_the_region(
    gate: IntakeGate, moment: str, region: str, born: str, band: AgeBand | None, of_member: bool
) -> None:
    gate.clock.advance(seconds=(datetime.fromisoformat(moment) - gate.clock.now()).total_seconds())
    member = {"member": "child", "birth_date": born, "sex": "female"}
    changes = {"household": [member]} if of_member else {"person": person(birth_date=born)}
    consent = {**body()["consent"], "given_at": moment, "given_by": "legal-guardian"}
    out = await gate.passed(body(location={"admin1": region}, consent=consent, **changes))
    if band is None:
        field = "household.0.birth_date" if of_member else "person.birth_date"
        assert refusal(out) == {field: "a birth date can not be in the future"}
    else:
        received = admitted(out)
        assert (received.household[0].person if of_member else received.person).age_band == band
