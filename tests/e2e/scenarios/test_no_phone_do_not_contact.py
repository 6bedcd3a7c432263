"""A peer or the person refers, without a phone or with "do not contact"."""

import json
from typing import Any

import pytest

from contracts.agency import Corrected
from contracts.provider import ContactReleased, Recall
from contracts.words import Answer, PersonalField
from services.chassis.encryption import open_sealed
from tests.e2e.actors import CANARY, CANARY_PHONE, People, Provider

pytestmark = pytest.mark.acceptance(18)

SILENT = {"may_contact": False, "phone": CANARY_PHONE, "email": "canaria@example.org"}


def person(contact: dict[str, Any]) -> dict[str, Any]:
    return {"name": CANARY, "age_band": "18-59", "sex": "female", "languages": ["ru"], "contact": contact}


async def wait_for_release(provider: Provider, need_id: str, number: int = 0) -> tuple[ContactReleased, dict[str, Any]]:
    """Wait for a release to the provider, by number; returns it with its opened content."""
    releases: list[ContactReleased] = []

    def wanted(message: object) -> bool:
        if isinstance(message, ContactReleased) and message not in releases:
            releases.append(message)
        return len(releases) > number

    await provider.notifications.until(wanted)
    release = releases[number]
    return release, json.loads(open_sealed(provider.private_key, release.sealed, f"referral-routing/contact/{need_id}"))


@pytest.mark.parametrize("referrer", ["peer", "self"])
async def test_a_referral_without_any_phone_is_routed_accepted_and_delivered(here: People, referrer: str) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1", referrer=referrer, person=person({"may_contact": True})))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    _, opened = await wait_for_release(provider, offer.need_id)
    assert opened["name"] == CANARY
    assert not any(opened["contact"][channel] for channel in ("phone", "email", "other"))
    await provider.answer(offer, Answer.DELIVERED)
    await agency.wait_for("delivered", "R-1")


@pytest.mark.parametrize("referrer", ["peer", "self"])
async def test_do_not_contact_hides_a_granted_contact(here: People, referrer: str) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1", referrer=referrer, person=person(SILENT)))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    release, opened = await wait_for_release(provider, offer.need_id)
    assert (release.fields, opened) == ([PersonalField.NAME], {"name": CANARY})
    await provider.answer(offer, Answer.DELIVERED)
    await agency.wait_for("delivered", "R-1")


async def test_a_later_do_not_contact_recalls_the_contact(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service())
    referral = here.referral("R-1")
    await agency.send(referral)
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    assert PersonalField.CONTACT in (await wait_for_release(provider, offer.need_id))[0].fields
    changed = referral.model_dump(mode="json") | {"person": person(SILENT)}
    await agency.send(Corrected.model_validate(changed))
    order = await provider.notifications.until(lambda m: isinstance(m, Recall))
    assert isinstance(order, Recall)
    assert (order.fields, order.reason) == ([PersonalField.CONTACT], "do-not-contact")
    release, opened = await wait_for_release(provider, offer.need_id, 1)  # the corrected person, without a channel
    assert (release.fields, opened) == ([PersonalField.NAME], {"name": CANARY})
