"""Consent is withdrawn after the offer: the provider must delete what it has, and nothing sent later has the person."""

import json

import pytest

from contracts import topics
from contracts.agency import Consent, ConsentChanged
from contracts.outcomes import RecallChanged, StatusChanged
from contracts.provider import AnswerRefused, ContactReleased, Offer, OfferClosed, ProviderInputRefused, Recall
from contracts.words import Answer, PersonalField
from services.chassis.encryption import open_sealed
from tests.e2e.actors import CANARY, CANARY_PHONE, Agency, Inbox, People, Provider, now

pytestmark = pytest.mark.acceptance(6)


def changed(reference: str, *grants: dict[str, object]) -> ConsentChanged:
    """A change of consent to these grants."""
    consent = {"basis": "consent", "given_at": now(), "given_by": "person", "grants": list(grants)}
    return ConsentChanged(reference=reference, consent=Consent.model_validate(consent))


async def accepted(here: People, agency: Agency, provider: Provider, reference: str = "R-1") -> Offer:
    """One need that is accepted and its contact released."""
    await agency.send(here.referral(reference))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    await provider.notifications.until(lambda m: isinstance(m, ContactReleased))
    return offer


async def wait_for_order(inbox: Inbox, number: int = 1) -> Recall:
    message = await inbox.until(lambda m: isinstance(m, Recall) and m.recall == number)
    assert isinstance(message, Recall)
    return message


async def wait_for_recall(agency: Agency, state: str, number: int = 1) -> RecallChanged:
    message = await agency.status.until(
        lambda m: isinstance(m, RecallChanged) and (m.state, m.recall) == (state, number)
    )
    assert isinstance(message, RecallChanged)
    return message


async def test_a_provider_confirms_the_deletion_and_the_agency_is_notified(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    offer = await accepted(here, agency, provider)
    await agency.send(changed("R-1"))
    order = await wait_for_order(provider.notifications)
    assert (order.need_id, order.attempt) == (offer.need_id, offer.attempt)
    assert (order.fields, order.reason) == ([PersonalField.NAME, PersonalField.CONTACT], "consent-withdrawn")
    assert (await agency.wait_for("withdrawn", "R-1")).code == "consent-withdrawn"
    closed = await provider.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed)
    assert closed.reason == "withdrawn"
    assert (await wait_for_recall(agency, "recalled")).provider == provider.id
    await provider.confirm_deletion(order)
    assert (await wait_for_recall(agency, "acknowledged")).fields == order.fields
    await provider.confirm_deletion(order)
    refused = await provider.notifications.until(lambda m: isinstance(m, ProviderInputRefused))
    assert isinstance(refused, ProviderInputRefused)
    assert [problem.field for problem in refused.problems] == ["recall"]


async def test_nothing_sent_later_has_the_person_whatever_the_provider_answers(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await agency.send(changed("R-1"))
    await agency.wait_for("withdrawn", "R-1")
    await provider.notifications.until(lambda m: isinstance(m, OfferClosed))
    before = len(provider.notifications.events)
    for answer in (Answer.ACCEPTED, Answer.IN_PROGRESS):
        await provider.answer(offer, answer)
    await provider.notifications.until(lambda m: isinstance(m, AnswerRefused) and m.answer is Answer.IN_PROGRESS)
    await provider.notifications.read_for()
    assert {type(m) for _, m in provider.notifications.events[before:]} == {AnswerRefused}
    internal = [*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION]
    heap = await here.everything(*internal, topics.notifications(provider.id), topics.status(agency.id))
    for secret in (CANARY, CANARY_PHONE):
        assert secret.encode() not in heap
    await agency.send(here.referral("R-2"))
    await agency.wait_for("offered", "R-2")  # the one place is free again


async def test_a_recall_that_is_not_answered_is_overdue_once_and_may_still_be_answered(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await accepted(here, agency, provider)
    await agency.send(changed("R-1", {"recipients": "any", "fields": ["name"]}))
    order = await wait_for_order(provider.notifications)
    assert (order.fields, order.reason) == ([PersonalField.CONTACT], "consent-changed")
    late = await wait_for_recall(agency, "overdue")
    assert late.acknowledge_by == order.acknowledge_by
    assert late.since >= late.acknowledge_by
    await agency.status.read_for(1)
    assert sum(isinstance(m, RecallChanged) and m.state == "overdue" for _, m in agency.status.events) == 1
    assert not [m for _, m in agency.status.events if isinstance(m, StatusChanged) and m.state.ended], (
        "the provider still has the need"
    )
    await provider.confirm_deletion(order)
    await wait_for_recall(agency, "acknowledged")


async def test_a_field_granted_later_is_released_and_recalled_with_the_next_change(
    here: People,
) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    offer = await accepted(here, agency, provider)
    await agency.send(changed("R-1", {"recipients": [provider.id], "fields": ["name", "contact", "place"]}))
    later = await provider.notifications.until(
        lambda m: isinstance(m, ContactReleased) and PersonalField.PLACE in m.fields
    )
    assert isinstance(later, ContactReleased)
    opened = open_sealed(provider.private_key, later.sealed, f"referral-routing/contact/{offer.need_id}")
    assert json.loads(opened) == {"place": "Canary Street 7"}
    await agency.send(changed("R-1", {"recipients": ["somebody-else"], "fields": ["name"]}))
    order = await wait_for_order(provider.notifications)
    assert order.fields == [PersonalField.NAME, PersonalField.CONTACT, PersonalField.PLACE]
    closed = await provider.notifications.until(lambda m: isinstance(m, OfferClosed))
    assert isinstance(closed, OfferClosed), "a provider without consent loses its offer"
