"""A person known by a case code only: no personal data on any internal or notification topic, nor in any log."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import topics
from contracts.provider import ContactReleased
from contracts.words import Answer, DeclineCode
from deploy.local.services import Services
from services.chassis.encryption import open_sealed
from tests.e2e.actors import People

pytestmark = pytest.mark.acceptance(17)

CODE, PHONE, NOTE, SON = "ZQ-CASE-1717", "+375 29 1717171", "Sleeps by the zqbridge", "Zqfilius Lopez"
PERSON = {
    "case_code": CODE,
    "birth_date": "1971-07-17",
    "sex": "female",
    "languages": ["ru"],
    "contact": {"may_contact": True, "phone": PHONE},
}
SECRETS = (CODE, PHONE, NOTE, SON, "1971-07-17", "Zqstreet")


def _secrets_in(heap: bytes) -> list[str]:
    return [each for each in SECRETS if each.encode() in heap]


async def test_a_person_known_by_a_case_code_is_on_no_topic_and_in_no_log(
    here: People, system: Services, tmp_path_factory: Any
) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=4))
    declining = await here.provider(here.service("law", 4, categories=["legal"]))
    needs = [
        {"need": "1", "category": "shelter", "urgency": "normal", "note": NOTE},
        {"need": "2", "category": "legal", "urgency": "normal", "note": NOTE},
    ]
    consent = {
        "basis": "consent",
        "given_at": "2026-03-01T08:00:00Z",
        "given_by": "person",
        "grants": [{"recipients": "any", "fields": ["case_code", "note"]}],
    }
    household = [{"member": "son", "name": SON, "age_band": "5-11", "sex": "male"}]
    where = {"admin1": here.area, "place": "Zqstreet 17"}
    person: dict[str, Any] = {"person": PERSON, "needs": needs, "consent": consent, "household": household}
    await agency.send(here.referral("R-17", location=where, **person))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    await declining.answer(await declining.wait_for_offer(need="2"), Answer.DECLINED, DeclineCode.OTHER)
    released = await provider.notifications.until(lambda m: isinstance(m, ContactReleased))
    assert isinstance(released, ContactReleased)
    info = f"referral-routing/contact/{offer.need_id}"
    contact = json.loads(open_sealed(provider.private_key, released.sealed, info))
    assert contact == {"case_code": CODE, "note": NOTE, "household": [{"member": "son"}]}
    await provider.answer(offer, Answer.DELIVERED)
    await agency.wait_for("delivered", "R-17")
    plain = await here.everything(topics.referrals(agency.id))
    assert set(_secrets_in(plain)) == set(SECRETS), "the search finds them where they are"
    internal = [*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION]
    notified = [topics.notifications(each.id) for each in (provider, declining)] + [topics.status(agency.id)]
    heap = await here.everything(*internal, *notified, topics.DEAD_LETTERS)
    assert heap.count(b"R-17") > 5
    assert _secrets_in(heap) == []
    for name in system:
        log = _log_of(Path(str(tmp_path_factory.getbasetemp())), name)
        assert offer.referral_id.encode() in log, f"the log of {name} is of this run"
        assert _secrets_in(log) == [], name


def _log_of(base: Path, name: str) -> bytes:
    """The log of a service of the fixture `system`."""
    return b"".join(path.read_bytes() for path in base.glob(f"system*/{name}.log"))
