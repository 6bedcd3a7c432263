"""The way of a referral, as its agency and the providers see it, through four real processes."""

import json

from contracts import topics
from contracts.agency import ReferralWithdrawn, StatusRequested
from contracts.outcomes import AgencyInputRefused, StatusChanged
from contracts.provider import AnswerRefused, ContactReleased, Offer, OfferClosed, Reminder
from contracts.words import Answer, DeclineCode, NotDeliveredCode
from services.chassis.encryption import open_sealed
from tests.e2e.actors import CANARY, CANARY_PHONE, People, in_order


async def test_a_need_is_offered_taken_up_and_delivered_and_its_referrer_hears_each_step(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
    for answer in (Answer.ACKNOWLEDGED, Answer.ACCEPTED, Answer.IN_PROGRESS, Answer.DELIVERED):
        await provider.answer(offer, answer)
    await agency.told("delivered", "R-1")
    states = [m.state.value for _, m in agency.status.events if isinstance(m, StatusChanged)]
    # It may have waited: the provider is new, and was noticed a moment after the referral came.
    rising = ["accepted", "waiting", "matched", "offered", "acknowledged", "taken-up", "in-progress", "delivered"]
    assert in_order(states, rising), states


async def test_identity_and_contact_reach_only_the_provider_that_accepted_and_only_what_consent_grants(
    here: People,
) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
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
    status = await agency.told("offered", "R-1")
    declining, next_one = (first, second) if status.provider == first.id else (second, first)
    await declining.answer(await declining.offered(), Answer.DECLINED, DeclineCode.NOT_ELIGIBLE)
    offer = await next_one.offered(attempt=2)
    await next_one.answer(offer, Answer.ACCEPTED)
    told = await agency.told("taken-up", "R-1")
    assert (told.provider, told.attempt) == (next_one.id, 2)
    declined = await agency.told("declined", "R-1")
    assert declined.code == "not-eligible"


async def test_a_silent_provider_is_reminded_then_loses_the_offer_and_a_late_answer_is_refused_aloud(
    here: People,
) -> None:
    agency = await here.agency()
    provider = await here.provider(here.service())
    await agency.send(here.referral("R-1", "urgent"))
    offer = await provider.offered()
    await provider.notifications.until(lambda m: isinstance(m, Reminder))
    closed = await provider.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed)
    assert closed.reason == "expired"
    await provider.answer(offer, Answer.ACCEPTED)
    refused = await provider.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert refused.allowed == []
    assert (await agency.told("expired", "R-1")).attempt == 1
    unmet = await agency.told("unmet", "R-1")  # its wait is short here, and nobody else is in the area
    assert unmet.code
    assert unmet.funnel


async def test_a_waiting_need_takes_the_place_that_another_leaves(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=1))
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
    await agency.send(here.referral("R-2"))
    waiting = await agency.told("waiting", "R-2")
    assert waiting.next_by is not None
    await provider.answer(offer, Answer.ACCEPTED)
    await provider.answer(offer, Answer.NOT_DELIVERED, NotDeliveredCode.NO_SHOW)
    await agency.told("offered", "R-2")
    offers = [m for _, m in provider.notifications.events if isinstance(m, Offer)]
    await provider.notifications.until(lambda m: isinstance(m, Offer) and m.referral_id != offer.referral_id)
    assert len(offers) <= 2


async def test_a_withdrawn_need_is_taken_back_from_its_provider(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    await provider.offered()
    await agency.send(ReferralWithdrawn(reference="R-1", reason="person-request"))
    await agency.told("withdrawn", "R-1")
    closed = await provider.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed)
    assert closed.reason == "withdrawn"
    await agency.send(here.referral("R-2"))
    await agency.told("offered", "R-2")  # the one place is free again


async def test_sending_a_referral_twice_is_sending_it_once(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=5))
    referral = here.referral("R-1")
    await agency.send(referral, "event-1")
    await agency.send(referral, "event-1")
    await agency.send(referral, "event-2")
    await agency.told("offered", "R-1")
    await provider.offered()
    await provider.notifications.quiet()
    assert sum(isinstance(m, Offer) for _, m in provider.notifications.events) == 1


async def test_another_providers_answer_changes_nothing_and_teaches_it_nothing(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    stranger = await here.provider()
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
    await stranger.answer(offer, Answer.ACCEPTED)
    refused = await stranger.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert (refused.state, refused.allowed, refused.service) == ("unknown", [], "")
    await provider.answer(offer, Answer.ACCEPTED)
    assert (await agency.told("taken-up", "R-1")).provider == provider.id


async def test_an_agency_that_comes_back_is_told_where_its_referral_stands(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    await provider.offered()
    await agency.told("offered", "R-1")
    before = len(agency.status.events)
    await agency.send(StatusRequested(reference="R-1"))
    again = await agency.status.until(lambda m: m is agency.status.events[-1][1] and len(agency.status.events) > before)
    assert isinstance(again, StatusChanged)
    assert again.state.value == "offered"


async def test_poison_between_good_referrals_takes_none_of_them_down(here: People) -> None:
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
    await agency.told("offered", "R-1")
    await agency.told("offered", "R-2")
    await provider.notifications.quiet(0.5)
    letters = await here.dead_letters(agency.id)
    assert sorted(letters) == [
        ("attribute-missing", "ce_id"),
        ("body-not-json", "value"),
        ("body-not-json", "value"),
        ("header-not-utf-8", "ce_id"),
        ("header-without-value", "ce_id"),
        ("no-body", "value"),
    ]


async def test_what_can_not_be_acted_on_is_refused_in_words_that_say_what_to_fix(here: People) -> None:
    agency = await here.agency()
    body = json.loads(here.referral("R-1").model_dump_json(exclude_none=True))
    body["consent"]["grants"][0]["recipient"] = ["only-me"]  # a typo that must not drop a limit
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
    assert [problem.field for problem in refused.problems] == ["consent.grants.0"]
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
    await provider.answer(await provider.offered(), Answer.ACCEPTED)
    await agency.told("taken-up", "R-canary")
    internal = [*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION]
    found = await here.everything(*internal, topics.DEAD_LETTERS, topics.status(agency.id))
    assert found.count(b"R-canary") > 5  # the search finds what is there
    for secret in (CANARY, CANARY_PHONE, "Canary Street", here.born("R-canary").isoformat()):
        assert secret.encode() not in found
