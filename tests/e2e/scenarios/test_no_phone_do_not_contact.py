"""Acceptance seed 18: a peer or the person themself refers, without a phone, or with "do not contact"."""

import json
from typing import Any

import pytest

from contracts.agency import Corrected
from contracts.provider import ContactReleased, Recall
from contracts.words import Answer, PersonalField
from services.chassis.encryption import open_sealed
from tests.e2e.actors import CANARY, CANARY_PHONE, People, Provider

SILENT = {"may_contact": False, "phone": CANARY_PHONE, "email": "canaria@example.org"}


def person(contact: dict[str, Any]) -> dict[str, Any]:
    return {"name": CANARY, "age_band": "18-59", "sex": "female", "languages": ["ru"], "contact": contact}


async def released(provider: Provider, need_id: str, number: int = 0) -> tuple[ContactReleased, dict[str, Any]]:
    """What the provider is told, as announced and as it opens it."""
    known: list[ContactReleased] = []

    def wanted(message: object) -> bool:
        if isinstance(message, ContactReleased) and message not in known:
            known.append(message)
        return len(known) > number

    await provider.notifications.until(wanted)
    told = known[number]
    return told, json.loads(open_sealed(provider.private_key, told.sealed, f"referral-routing/contact/{need_id}"))


@pytest.mark.parametrize("referrer", ["peer", "self"])
async def test_without_any_phone_a_referral_is_routed_taken_up_and_delivered(here: People, referrer: str) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1", referrer=referrer, person=person({"may_contact": True})))
    offer = await provider.offered()
    await provider.answer(offer, Answer.ACCEPTED)
    _, opened = await released(provider, offer.need_id)
    assert opened["name"] == CANARY
    assert not any(opened["contact"][channel] for channel in ("phone", "email", "other"))
    await provider.answer(offer, Answer.DELIVERED)
    await agency.told("delivered", "R-1")


@pytest.mark.parametrize("referrer", ["peer", "self"])
async def test_do_not_contact_hides_the_contact_though_it_was_granted(here: People, referrer: str) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1", referrer=referrer, person=person(SILENT)))
    offer = await provider.offered()
    await provider.answer(offer, Answer.ACCEPTED)
    told, opened = await released(provider, offer.need_id)
    assert (told.fields, opened) == ([PersonalField.NAME], {"name": CANARY})
    await provider.answer(offer, Answer.DELIVERED)
    await agency.told("delivered", "R-1")


async def test_who_asks_not_to_be_contacted_any_more_has_the_contact_recalled(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    referral = here.referral("R-1")
    await agency.send(referral)
    offer = await provider.offered()
    await provider.answer(offer, Answer.ACCEPTED)
    assert PersonalField.CONTACT in (await released(provider, offer.need_id))[0].fields
    changed = referral.model_dump(mode="json") | {"person": person(SILENT)}
    await agency.send(Corrected.model_validate(changed))
    order = await provider.notifications.until(lambda m: isinstance(m, Recall))
    assert isinstance(order, Recall)
    assert (order.fields, order.reason) == ([PersonalField.CONTACT], "do-not-contact")
    told, opened = await released(provider, offer.need_id, 1)  # the person as corrected, and no channel
    assert (told.fields, opened) == ([PersonalField.NAME], {"name": CANARY})
