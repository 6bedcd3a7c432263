"""The course of a referral through the four services, as its agency and the providers see it."""

import json

from contracts import topics
from contracts.agency import ReferralWithdrawn, StatusRequested
from contracts.outcomes import AgencyInputRefused, StatusChanged
from contracts.provider import AnswerRefused, ContactReleased, Offer, OfferClosed, Reminder
from contracts.words import Answer, DeclineCode, NotDeliveredCode
from services.chassis.encryption import open_sealed
from tests.e2e.actors import CANARY, CANARY_PHONE, People, in_order


async def test_a_need_is_offered_accepted_and_delivered_and_its_agency_is_notified_of_each_step(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    for answer in (Answer.ACKNOWLEDGED, Answer.ACCEPTED, Answer.IN_PROGRESS, Answer.DELIVERED):
        await provider.answer(offer, answer)
    await agency.wait_for("delivered", "R-1")
    states = [m.state.value for _, m in agency.status.events if isinstance(m, StatusChanged)]
    # It may have waited: matching may read the new directory a moment after the referral.
    rising = ["accepted", "waiting", "matched", "offered", "acknowledged", "taken-up", "in-progress", "delivered"]
    assert in_order(states, rising), states


async def test_only_the_provider_that_accepted_gets_identity_and_contact_as_consent_grants(
    here: People,
) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    released = await provider.notifications.until(lambda m: isinstance(m, ContactReleased))
    assert isinstance(released, ContactReleased)
    contact = open_sealed(provider.private_key, released.sealed, f"referral-routing/contact/{offer.need_id}")
    assert json.loads(contact) == {
        "name": CANARY,
        "contact": {"may_contact": True, "phone": CANARY_PHONE, "email": None, "other": None},
    }
    clear = b"".join(record.value for record in provider.notifications.records)
    assert CANARY.encode() not in clear
    assert CANARY_PHONE.encode() not in clear


async def test_a_declined_need_goes_to_the_next_provider_and_not_back(here: People) -> None:
    agency = await here.agency()
    first, second = await here.provider(here.service(capacity=9)), await here.provider(here.service(capacity=2))
    await agency.send(here.referral("R-1"))
    status = await agency.wait_for("offered", "R-1")
    declining, next_one = (first, second) if status.provider == first.id else (second, first)
    await declining.answer(await declining.wait_for_offer(), Answer.DECLINED, DeclineCode.NOT_ELIGIBLE)
    offer = await next_one.wait_for_offer(attempt=2)
    await next_one.answer(offer, Answer.ACCEPTED)
    taken_up = await agency.wait_for("taken-up", "R-1")
    assert (taken_up.provider, taken_up.attempt) == (next_one.id, 2)
    declined = await agency.wait_for("declined", "R-1")
    assert declined.code == "not-eligible"


async def test_a_silent_provider_is_reminded_and_loses_the_offer_and_a_late_answer_is_refused(
    here: People,
) -> None:
    agency = await here.agency()
    provider = await here.provider(here.service())
    await agency.send(here.referral("R-1", "urgent"))
    offer = await provider.wait_for_offer()
    await provider.notifications.until(lambda m: isinstance(m, Reminder))
    closed = await provider.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed)
    assert closed.reason == "expired"
    await provider.answer(offer, Answer.ACCEPTED)
    refused = await provider.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert refused.allowed == []
    assert (await agency.wait_for("expired", "R-1")).attempt == 1
    unmet = await agency.wait_for("unmet", "R-1")  # its wait is short here, and no other service is in the area
    assert unmet.code
    assert unmet.funnel


async def test_a_waiting_need_gets_the_place_that_another_leaves(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await agency.send(here.referral("R-2"))
    waiting = await agency.wait_for("waiting", "R-2")
    assert waiting.next_by is not None
    await provider.answer(offer, Answer.ACCEPTED)
    await provider.answer(offer, Answer.NOT_DELIVERED, NotDeliveredCode.NO_SHOW)
    await agency.wait_for("offered", "R-2")
    offers = [m for _, m in provider.notifications.events if isinstance(m, Offer)]
    await provider.notifications.until(lambda m: isinstance(m, Offer) and m.referral_id != offer.referral_id)
    assert len(offers) <= 2


async def test_a_withdrawn_need_is_taken_back_from_its_provider(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    await provider.wait_for_offer()
    await agency.send(ReferralWithdrawn(reference="R-1", reason="person-request"))
    await agency.wait_for("withdrawn", "R-1")
    closed = await provider.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed)
    assert closed.reason == "withdrawn"
    await agency.send(here.referral("R-2"))
    await agency.wait_for("offered", "R-2")  # the one place is free again


async def test_a_referral_sent_twice_is_offered_once(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=5))
    referral = here.referral("R-1")
    await agency.send(referral, "event-1")
    await agency.send(referral, "event-1")
    await agency.send(referral, "event-2")
    await agency.wait_for("offered", "R-1")
    await provider.wait_for_offer()
    await provider.notifications.read_for()
    assert sum(isinstance(m, Offer) for _, m in provider.notifications.events) == 1


async def test_another_providers_answer_changes_nothing_and_reveals_nothing(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    stranger = await here.provider()
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await stranger.answer(offer, Answer.ACCEPTED)
    refused = await stranger.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert (refused.state, refused.allowed, refused.service) == ("unknown", [], "")
    await provider.answer(offer, Answer.ACCEPTED)
    assert (await agency.wait_for("taken-up", "R-1")).provider == provider.id


async def test_an_agency_that_requests_the_status_gets_it_again(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    await provider.wait_for_offer()
    await agency.wait_for("offered", "R-1")
    before = len(agency.status.events)
    await agency.send(StatusRequested(reference="R-1"))
    again = await agency.status.until(lambda m: m is agency.status.events[-1][1] and len(agency.status.events) > before)
    assert isinstance(again, StatusChanged)
    assert again.state.value == "offered"


async def test_poison_records_between_good_referrals_stop_none_of_them(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=9))
    good = [("ce_specversion", b"1.0"), ("ce_source", b"/x"), ("ce_type", b"org.referral-routing.agency.submitted.v1")]
    await agency.send(here.referral("R-1"))
    await agency.send_raw(b"{}", [*good, ("ce_id", b"\xff\xfe")])
    await agency.send_raw(b"{}", [*good, ("ce_id", None)])
    await agency.send_raw(b'{"reference": "R-bad", ', [*good, ("ce_id", b"broken")])
    await agency.send_raw(bytes(range(256)), [*good, ("ce_id", b"random")])
    await agency.send_raw(None, [*good, ("ce_id", b"empty")])
    await agency.send_raw(b"{}", [])
    await agency.send(here.referral("R-2"))
    await agency.wait_for("offered", "R-1")
    await agency.wait_for("offered", "R-2")
    await provider.notifications.read_for(0.5)
    dead_letters = await here.dead_letters(agency.id)
    assert sorted(dead_letters) == [
        ("attribute-missing", "ce_id"),
        ("body-not-json", "value"),
        ("body-not-json", "value"),
        ("header-not-utf-8", "ce_id"),
        ("header-without-value", "ce_id"),
        ("no-body", "value"),
    ]


async def test_an_unusable_referral_is_refused_and_the_refusal_names_what_to_fix(here: People) -> None:
    agency = await here.agency()
    body = json.loads(here.referral("R-1").model_dump_json(exclude_none=True))
    body["consent"]["grants"][0]["recipient"] = ["only-me"]  # a typo must not drop the limit
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/x"),
        ("ce_id", b"typo"),
        ("ce_type", b"org.referral-routing.agency.submitted.v1"),
    ]
    await agency.send_raw(json.dumps(body).encode(), headers)
    refused = await agency.status.until(lambda m: isinstance(m, AgencyInputRefused))
    assert isinstance(refused, AgencyInputRefused)
    assert refused.reference == "R-1"
    assert [problem.field for problem in refused.problems] == ["consent.grants.0.recipient"]
    body = json.loads(here.referral("R-2").model_dump_json(exclude_none=True))
    await agency.send_raw(
        json.dumps({**body, "agency": "somebody-else"}).encode(), [*headers[:2], ("ce_id", b"who"), headers[3]]
    )
    refused = await agency.status.until(lambda m: isinstance(m, AgencyInputRefused) and m.reference == "R-2")
    assert isinstance(refused, AgencyInputRefused)
    assert [problem.field for problem in refused.problems] == ["agency"]


async def test_no_person_is_in_any_internal_topic(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-canary"))
    await provider.answer(await provider.wait_for_offer(), Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-canary")
    internal = [*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION]
    heap = await here.everything(*internal, topics.DEAD_LETTERS, topics.status(agency.id))
    assert heap.count(b"R-canary") > 5, "the search finds it where it is"
    for secret in (CANARY, CANARY_PHONE, "Canary Street", here.birth_date("R-canary").isoformat()):
        assert secret.encode() not in heap
