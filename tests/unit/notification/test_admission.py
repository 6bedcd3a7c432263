"""What notification admits from providers, and its settings."""

import json
from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from contracts import ids, intake, notification, provider, topics
from contracts.cloudevents import CloudEvent
from contracts.profiles import Problem
from contracts.words import Answer, Urgency
from services.chassis.encryption import new_key, new_pair, open_sealed
from services.chassis.ingress.gate import Admitted, Arrival
from services.chassis.ports import Record
from services.notification.admission import AnswerAdmission, note_purpose
from services.notification.settings import NotificationSettings
from tests.support.builders import REFERRAL
from tests.support.clock import START

PRIVATE, PUBLIC = new_pair()
HASH_KEY = new_key()
NOTE = "She asked to be called after six"


def arrival(tenant: str = "provider-1", **changes: Any) -> Arrival:
    body = {"referral_id": REFERRAL, "need": "bed", "attempt": 2, "answer": "accepted", "note": NOTE, **changes}
    data = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    event = CloudEvent("e-1", "/p", provider.Answered.ce_type(), START, data)
    at = START + timedelta(minutes=5)
    record = Record(topics.responses(tenant), 0, 7, b"k", data, [], at)
    return Arrival(tenant, event, provider.Answered.read(data), at, record)


def admit(arrived: Arrival, hash_key: bytes = HASH_KEY) -> tuple[Admitted, notification.AnswerReceived]:
    (admitted,) = AnswerAdmission(PUBLIC, hash_key).admit(arrived)
    assert isinstance(admitted.event, notification.AnswerReceived)
    return admitted, admitted.event


def test_an_answer_is_admitted_under_the_referrals_id_with_the_brokers_tenant_and_time() -> None:
    admitted, received = admit(arrival())
    assert (admitted.topic, admitted.key) == (topics.inbox("notification"), REFERRAL)
    assert (received.provider, received.answer, received.attempt) == ("provider-1", Answer.ACCEPTED, 2)
    assert received.answered_at == START + timedelta(minutes=5)
    assert received.need_id == ids.need_id(REFERRAL, "bed")


def test_a_note_is_encrypted_to_intake_and_nobody_else_can_read_it() -> None:
    admitted, received = admit(arrival())
    assert received.note is not None
    assert NOTE not in admitted.event.model_dump_json()
    assert NOTE.encode() not in b64decode(received.note)
    assert open_sealed(PRIVATE, received.note, note_purpose(received.need_id)).decode() == NOTE


def test_an_answer_without_a_note_has_no_ciphertext() -> None:
    assert admit(arrival(note=None))[1].note is None


def test_the_hash_is_of_the_original_and_keyed() -> None:
    first, again = admit(arrival())[0], admit(arrival())[0]
    assert first.event != again.event, "encryption differs each time"
    assert first.bodyhash == again.bodyhash
    assert first.bodyhash != admit(arrival(note="Another"))[0].bodyhash
    assert first.bodyhash != admit(arrival(), hash_key=new_key())[0].bodyhash


def test_an_unreadable_answer_is_passed_on_so_that_its_sender_is_informed() -> None:
    arrived, problems = arrival(), [Problem(field="answer", fix="…")]
    (admitted,) = AnswerAdmission(PUBLIC, HASH_KEY).refuse("provider-1", arrived.record, arrived.event, problems)
    assert admitted.event == notification.AnswerInvalid(provider="provider-1", problems=problems)
    assert (admitted.topic, admitted.key) == (topics.inbox("notification"), "provider-1")
    assert admitted.bodyhash == admit(arrived)[0].bodyhash, "keyed, and of the original: a refused note is one, too"


def test_an_acknowledged_deletion_goes_to_intake() -> None:
    body = {"referral_id": REFERRAL, "need": "bed", "attempt": 2, "recall": 1}
    data, at = json.dumps(body).encode(), START + timedelta(minutes=5)
    event = CloudEvent("e-1", "/p", provider.RecallAcknowledged.ce_type(), START, data)
    record = Record(topics.responses("provider-1"), 0, 7, b"k", data, [], at)
    admission = AnswerAdmission(PUBLIC, HASH_KEY)
    arrived = Arrival("provider-1", event, admission.accepts[event.type].read(data), at, record)
    (admitted,) = admission.admit(arrived)
    assert (admitted.topic, admitted.key) == (topics.inbox("intake"), REFERRAL)
    assert admitted.event == intake.DeletionConfirmed(
        provider="provider-1",
        referral_id=REFERRAL,
        need_id=ids.need_id(REFERRAL, "bed"),
        need="bed",
        attempt=2,
        recall=1,
        at=at,
    )
    (refused,) = admission.refuse("provider-1", record, event, [Problem(field="recall", fix="…")])
    assert isinstance(refused.event, notification.AnswerInvalid)
    assert refused.event.sent == provider.RecallAcknowledged.TYPE


def settings(**changes: Any) -> NotificationSettings:
    return NotificationSettings(operator_key=PUBLIC, intake_key=PUBLIC, hash_key=PUBLIC, **changes)


def test_the_settings_have_limits_for_each_urgency() -> None:
    limits = settings().limits_by_urgency
    assert set(limits) == set(Urgency)
    assert limits[Urgency.EMERGENCY].acknowledge == timedelta(minutes=20)
    assert limits[Urgency.NORMAL].decide == timedelta(days=3)


def test_settings_with_more_time_to_acknowledge_than_to_decide_are_refused() -> None:
    with pytest.raises(ValidationError, match="emergency: the time to acknowledge"):
        settings(acknowledge_emergency_minutes=60)
