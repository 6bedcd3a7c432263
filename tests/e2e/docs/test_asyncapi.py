"""What the real services write to the real topics is what the AsyncAPI document declares."""

import json
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from contracts import schemas, topics
from contracts.agency import ReferralWithdrawn
from contracts.asyncapi.channels import CHANNELS
from contracts.base import PREFIX
from contracts.catalogue import MESSAGES
from contracts.provider import Offer, ProviderInputRefused
from contracts.words import Answer, DeclineCode
from tests.e2e.actors import Agency, People, Provider, now
from tests.simulation.traffic import message_of_record

DOCUMENT: dict[str, Any] = json.loads(schemas.exported()["asyncapi.json"])
WHOLE = Registry().with_resource("urn:document", Resource(DOCUMENT, DRAFT202012))


async def test_the_topics_hold_what_the_document_declares(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=9))
    await _use_the_system(here, agency, provider)
    declared = {
        (who, channel.address, kind.TYPE)
        for channel in CHANNELS
        for who, kinds in channel.sends.items()
        for kind in kinds
    }
    seen: set[tuple[str, str, str]] = set()
    for topic in (channel.address.format(agency=agency.id, provider=provider.id) for channel in CHANNELS):
        for record in await here.records(topic):
            if record.value is None or not any(name == "ce_type" for name, _ in record.headers):
                continue  # a deletion, or a broken record of another test
            message = message_of_record(topic, record.headers)
            who, _, kind = message
            seen.add(message)
            if who not in topics.SERVICES:
                continue
            assert message in declared
            headers = {name: value.decode() for name, value in record.headers}
            for part, content in (("headers", headers), ("payload", json.loads(record.value))):
                at = f"urn:document#/components/messages/{kind}/{part}"
                Draft202012Validator({"$ref": at}, registry=WHOLE).validate(content)
            MESSAGES[PREFIX + kind].model_validate_json(record.value)  # it has no other fields
    assert len({kind for who, _, kind in seen if who in topics.SERVICES}) > 25, "too few kinds of messages were checked"


async def _use_the_system(here: People, agency: Agency, provider: Provider) -> None:
    """One need is delivered after a missed appointment, one is declined and withdrawn, and one answer is refused."""
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    for answer, more in (
        (Answer.ACKNOWLEDGED, {}),
        (Answer.CHECK_IN, {}),
        (Answer.ACCEPTED, {}),
        (Answer.APPOINTMENT_PROPOSED, {"appointment_at": now()}),
        (Answer.NO_SHOW, {}),
        (Answer.IN_PROGRESS, {}),
        (Answer.DELIVERED, {}),
        (Answer.DELIVERED, {}),
    ):
        await provider.answer(offer, answer, **more)
    await agency.wait_for("delivered", "R-1")
    await provider.send_raw(topics.responses(provider.id), "k", b"{", [("ce_id", b"1")])
    await provider.notifications.until(lambda message: isinstance(message, ProviderInputRefused))
    await agency.send(here.referral("R-2"))
    second = await provider.notifications.until(
        lambda message: isinstance(message, Offer) and message.referral_id != offer.referral_id
    )
    assert isinstance(second, Offer)
    await provider.answer(second, Answer.DECLINED, DeclineCode.NO_CAPACITY)
    await agency.wait_for("waiting", "R-2")
    await agency.send(ReferralWithdrawn(reference="R-2"))
    await agency.wait_for("withdrawn", "R-2")
