"""Canaries, made-up personal data, go through every path: none may appear where no person belongs.

Names, phones, notes, dates and places are in referrals that succeed, are refused, become dead letters, are declined or
end, and in every place where a sender can put a text: ids, keys, headers and their names, field names, fields of the
wrong type. All services log at debug level and are killed again and again. Afterwards logs, metrics, databases and all
topics that are not the senders' own are searched, for the base64 of a canary too.
"""

import asyncio
import json
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from motor.motor_asyncio import AsyncIOMotorClient

from contracts import topics
from contracts.agency import ReferralWithdrawn, StatusRequested
from contracts.outcomes import AgencyInputRefused
from contracts.provider import ContactReleased
from deploy.local.services import Services
from deploy.local.stack import Addresses
from services.chassis.encryption import open_sealed
from tests.e2e.actors import Agency, People, Provider, create_internal_topics, eventually, now, people, running
from tests.support import bad_input
from tests.support.bad_input import headers, of_answer, of_entry, of_others, of_referral

from .test_crash import restart_what_dies

CANARIES = {
    "name": "Zqcanaria Lopez",
    "caregiver": "Tia Zqcanaria",
    "phone": "+375 29 7650032",
    "email": "zqcanary@example.org",
    "other": "by the zqblue door",
    "case code": "ZQ-CASE-4711",
    "birth date": "1931-07-13",
    "place": "Zqcanary Street 7",
    "latitude": "52.09753",
    "longitude": "23.73408",
    "member": "Zqfilius Lopez",
    "note": "She sleeps at the zqstation",
    "provider's note": "His cough is a zqcough",
    "a text in the wrong place": bad_input.CANARY,
}
DATABASE = "canary"
SENDERS_OWN = ("referrals", "responses", "directory")


def found_in(heap: bytes) -> list[str]:
    """The canaries in a heap: plain, in upper or lower case, or in base64 with anything before them."""
    lowered = heap.lower()
    return [what for what, canary in CANARIES.items() if _is_in(heap, lowered, canary.encode())]


def _is_in(heap: bytes, lowered: bytes, canary: bytes) -> bool:
    return canary.lower() in lowered or any(form in heap for form in _in_base64(canary))


def _in_base64(canary: bytes) -> Iterator[bytes]:
    for before in range(3):
        whole = b64encode(b"\0" * before + canary + b"\0" * (-(before + len(canary)) % 3))
        yield whole[(before * 4 + 2) // 3 : -4]


@pytest.mark.timeout(600)  # on a machine that may be busy
async def test_no_canary_appears_where_no_person_belongs(servers: Addresses, tmp_path: Path) -> None:
    calm: dict[str, object] = {"acknowledge_normal_minutes": 43_200, "decide_normal_minutes": 86_400, "tick": 0.2}
    calm["clock_origin"] = now().isoformat()
    published = {"clock_speed": 7200, "settle_hours": 0, "indicators_every": 1, "k": 2}  # a day takes twelve seconds
    loud: dict[str, object] = {"log_level": "debug", "crash_at": "stored:8", "sweep": 0.5}
    await create_internal_topics(servers)
    with running(servers, tmp_path, DATABASE, **calm, **published, **loud) as services:
        deaths: Counter[str] = Counter()
        supervisor = asyncio.create_task(restart_what_dies(services, deaths))
        try:
            async with people(servers) as here:
                agency, accepting, declining = await _play(here)
                await _wait_for_indicators(here)
                heaps = await _search(here, servers, services, tmp_path)
        finally:
            supervisor.cancel()
    assert set(deaths) == set(topics.SERVICES), "every service has died at least once"
    for each in (agency.id, accepting.id, declining.id):
        assert any(each.encode() in heap for heap in heaps.values()), "the search reads the topics"
    assert {where: canaries for where, heap in heaps.items() if (canaries := found_in(heap))} == {}


async def _play(here: People) -> tuple[Agency, Provider, Provider]:
    agency = await here.agency()
    declining = await here.provider(here.service(capacity=9))
    good = _referral(here, "R-1")
    bare = {name: value for name, value in good["person"].items() if name not in ("caregiver", "case_code")}
    bad = {**good, "reference": "R-bad", "person": bare, "location": {"admin1": here.area}}
    for n, each in enumerate([*of_referral(bad), *of_others()]):
        await agency.send_raw(each.value, [*each.headers, *_odd_headers(n)])
    await agency.send_raw(json.dumps(good).encode(), _head("agency.submitted.v1", "submitted"))
    offer = await declining.wait_for_offer()
    accepting = await here.provider(here.service(capacity=9))
    answer = {"referral_id": offer.referral_id, "need": "1", "attempt": 1}
    decline = {**answer, "answer": "declined", "code": "not-eligible", "note": CANARIES["provider's note"]}
    for each in of_answer({**decline, "answer": "accepted", "code": None}):
        await declining.send_raw(topics.responses(declining.id), bad_input.CANARY, each.value, each.headers)
    for each in of_entry(json.loads(here.service().model_dump_json(exclude_none=True))):
        await declining.send_raw(topics.directory(declining.id), "beds", each.value, each.headers)
    await _answer(declining, decline)
    offer = await accepting.wait_for_offer(attempt=2)
    for answered in ("acknowledged", "accepted", "in-progress"):
        await _answer(accepting, {**answer, "attempt": 2, "answer": answered, "note": CANARIES["provider's note"]})
    released = await accepting.notifications.until(lambda m: isinstance(m, ContactReleased))
    assert isinstance(released, ContactReleased)
    contact = open_sealed(accepting.private_key, released.sealed, f"referral-routing/contact/{offer.need_id}").decode()
    assert {"name", "phone", "email", "place", "note", "member"} <= set(found_in(contact.encode())), (
        "the provider that accepted can read it"
    )
    note = CANARIES["provider's note"]
    await _answer(accepting, {**answer, "attempt": 2, "answer": "not-delivered", "code": "no-show", "note": note})
    await agency.wait_for("not-delivered", "R-1")
    corrected = {**_referral(here, "R-2"), "household_size": 3}
    await agency.send_raw(json.dumps(_referral(here, "R-2")).encode(), _head("agency.submitted.v1", "second"))
    await agency.wait_for("offered", "R-2")
    await agency.send_raw(json.dumps(corrected).encode(), _head("agency.corrected.v1", "corrected"))
    await agency.send_raw(json.dumps(corrected).encode(), _head("agency.corrected.v1", "submitted"))
    await agency.send(StatusRequested(reference="R-2"))
    await agency.send(ReferralWithdrawn(reference="R-2"))
    await agency.wait_for("withdrawn", "R-2")
    for each in ("R-1", "R-3"):  # R-1 again with a change, and one that waits because nobody takes it
        wanted = {**_referral(here, each), "needs": [{**good["needs"][0], "category": "legal"}]}
        await agency.send_raw(json.dumps(wanted).encode(), _head("agency.submitted.v1", each))
    await agency.wait_for("waiting", "R-3")
    await agency.status.until(lambda m: isinstance(m, AgencyInputRefused) and m.reference == "R-1")
    return agency, accepting, declining


def _referral(here: People, reference: str) -> dict[str, Any]:
    """A valid referral, full of canaries."""
    person = {
        "name": CANARIES["name"],
        "case_code": CANARIES["case code"],
        "birth_date": CANARIES["birth date"],
        "sex": "female",
        "languages": ["ru"],
        "caregiver": {"name": CANARIES["caregiver"], "informed": True},
        "contact": {
            "may_contact": True,
            "phone": CANARIES["phone"],
            "email": CANARIES["email"],
            "other": CANARIES["other"],
        },
    }
    place: dict[str, Any] = {"admin1": here.area, "place": CANARIES["place"]}
    place |= {"latitude": float(CANARIES["latitude"]), "longitude": float(CANARIES["longitude"])}
    grants = [{"recipients": "any", "fields": ["name", "contact", "place", "note"]}]
    whole: dict[str, Any] = json.loads(here.referral(reference).model_dump_json(exclude_none=True))
    need = {"need": "1", "category": "shelter", "urgency": "normal", "note": CANARIES["note"]}
    consent = {**whole["consent"], "grants": grants}
    household = [{"member": "son", "name": CANARIES["member"], "age_band": "5-11", "sex": "male"}]
    return {**whole, "person": person, "household": household, "location": place, "consent": consent, "needs": [need]}


def _head(kind: str, id_: str) -> list[tuple[str, Any]]:
    """Headers with a canary wherever one can be."""
    canary = bad_input.CANARY.encode()
    known = {"ce_source": b"/" + canary, "ce_subject": canary, "ce_causationid": canary, "ce_correlationid": canary}
    valid = headers(kind, f"{bad_input.CANARY}-{id_}", **known, ce_bodyhash=canary, ce_traceparent=canary)
    return [*valid, *_odd_headers(0), ("traceparent", b"00-" + canary)]


def _odd_headers(n: int) -> list[tuple[str, Any]]:
    name = bad_input.CANARY
    return [(f"ce_{name}", None if n % 2 else b"\xff"), (name, name.encode()), (f"CE_{name}x", name.encode() * 200)]


async def _answer(provider: Provider, answer: dict[str, Any]) -> None:
    head = _head("provider.answered.v1", answer["answer"])
    await provider.send_raw(topics.responses(provider.id), bad_input.CANARY, json.dumps(answer).encode(), head)


async def _wait_for_indicators(here: People) -> None:
    """Wait for statistics of this test's area."""

    async def published() -> bool:
        return here.area.encode() in await here.everything(topics.INDICATORS)

    await eventually(published, "indicators of this area are published")


async def _search(here: People, servers: Addresses, services: Services, logs: Path) -> dict[str, bytes]:
    """Everything there is to read, by where it is. Checks first that the search finds canaries that are there."""
    admin = AIOKafkaAdminClient(**servers.operator.aiokafka())
    await admin.start()
    names = [name for name in await admin.list_topics() if not name.startswith("__")]
    await admin.close()
    own = [name for name in names if name.split(".")[-1] in SENDERS_OWN and name not in vars(topics).values()]
    plain = await here.everything(*own)
    assert set(found_in(plain)) == set(CANARIES)
    assert set(found_in(b64encode(b"x" + plain))) == set(CANARIES)
    heaps = {name: await here.everything(name) for name in names if name not in own}
    assert len(heaps[topics.DEAD_LETTERS]) > 10_000
    heaps |= {f"log of {name}": (logs / f"{name}.log").read_bytes() for name in services}
    assert all(b'"handled"' in heaps[f"log of {name}"] for name in services)
    for name in services:
        for path in ("/metrics", "/health/ready", "/health/live"):
            heaps[f"{path} of {name}"] = await _get(services.url(name) + path)
    mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(servers.mongo)
    for name in services:
        database = mongo[f"{DATABASE}_{name}"]
        for collection in await database.list_collection_names():
            documents = [repr(document) async for document in database[collection].find()]
            heaps[f"{collection} of {name}"] = "\n".join(documents).encode()
    mongo.close()
    return heaps


async def _get(url: str) -> bytes:
    """What is served at a URL, as soon as it is: the service may just have been killed."""

    async def read() -> bytes:
        try:
            return await asyncio.to_thread(_read, url)
        except OSError:
            return b""

    return await eventually(read, f"{url} answers")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def test_the_search_finds_a_canary_in_base64() -> None:
    for before in range(5):
        assert found_in(b64encode(b"x" * before + b"His cough is a zqcough, he said")) == ["provider's note"]
    assert found_in(b"nothing") == []
