"""What the contenders are fed: referrals as intake's gate passes them on, some 700 bytes each."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from contracts.agency import Consent, Submitted
from contracts.cloudevents import CloudEvent, encode
from contracts.ids import derived_id, need_id
from contracts.intake import ReferralReceived
from contracts.profiles import MinimalProfile, Region, RequestedNeed, Sealed
from contracts.words import AgeBand, Category, ReferrerKind, Sex, Urgency
from deploy.cluster.login import Login

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
_BOX = b64encode(bytes(160)).decode()
_CONSENT = Consent.model_validate(
    {"basis": "consent", "given_at": NOW, "given_by": "person", "grants": [{"recipients": "any", "fields": ["name"]}]}
)
PARTITIONS = 4


def received(run: str, number: int, round_: int) -> ReferralReceived:
    """The `number`-th referral; later rounds are corrections of it, each with another urgency."""
    referral = derived_id(run, number)
    urgency = (Urgency.NORMAL, Urgency.URGENT, Urgency.EMERGENCY)[round_ % 3]
    return ReferralReceived(
        referral_id=referral,
        agency="bench",
        reference=f"R-{number}",
        corrects=round_ > 0,
        referrer=ReferrerKind.ORGANISATION,
        received_at=NOW,
        person=MinimalProfile(age_band=AgeBand.ADULT, sex=Sex.FEMALE, languages=["ru"]),
        region=Region(admin1="BY-BR"),
        consent=_CONSENT,
        needs=[RequestedNeed(need_id=need_id(referral, "1"), need="1", category=Category.SHELTER, urgency=urgency)],
        personal=Sealed(key_id=referral, box=_BOX),
    )


def records(run: str, count: int, round_: int) -> Iterator[tuple[bytes, bytes, list[tuple[str, bytes]]]]:
    """Key, value and headers of each."""
    for number in range(count):
        body = received(run, number, round_)
        event = CloudEvent(
            id=derived_id(run, number, round_),
            source="/bench",
            type=ReferralReceived.ce_type(),
            time=NOW,
            data=b"",
            correlationid=body.referral_id,
            traceparent=f"00-{body.referral_id.replace('-', '')}-00f067aa0ba902b7-01",
        )
        yield body.referral_id.encode(), body.model_dump_json().encode(), encode(event)


def referrals(count: int, first: int = 0) -> Iterator[tuple[bytes, bytes, list[tuple[str, bytes]]]]:
    """What an agency publishes, with a person in it; numbered from `first`."""
    for number in range(first, first + count):
        body = {
            "reference": f"R-{number}",
            "referrer": "organisation",
            "person": {
                "name": "Somebody Somewhere",
                "birth_date": "1990-05-17",
                "sex": "female",
                "languages": ["ru", "uk"],
                "contact": {"may_contact": True, "phone": f"+375 29 {number:07}"},
            },
            "location": {"admin1": "BY-BR", "place": "Brest", "latitude": 52.09, "longitude": 23.68},
            "consent": _CONSENT.model_dump(mode="json"),
            "needs": [{"need": "1", "category": "shelter", "urgency": "normal"}],
        }
        event = CloudEvent(id=f"e{number}", source="/bench", type=Submitted.ce_type(), time=NOW, data=b"")
        yield f"R-{number}".encode(), orjson.dumps(body), encode(event)


async def fill(kafka: Login, topic: str, run: str, count: int, round_: int = 0) -> None:
    """Publish a round of what the loop reads."""
    await _publish(kafka, topic, records(run, count, round_))


async def fill_referrals(kafka: Login, topic: str, count: int) -> None:
    """Publish what the gate reads."""
    await _publish(kafka, topic, referrals(count))


async def _publish(kafka: Login, topic: str, all_of: Iterator[tuple[bytes, bytes, list[tuple[str, bytes]]]]) -> None:
    producer: Any = AIOKafkaProducer(**kafka.aiokafka(), linger_ms=5, max_batch_size=262_144)
    await producer.start()
    waiting = [await producer.send(topic, value, key=key, headers=headers) for key, value, headers in all_of]
    await asyncio.gather(*waiting)
    await producer.stop()
