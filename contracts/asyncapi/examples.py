"""A fictional example of each message, for the document. What tenants send is written out; the rest is composed.

A composed example has the required fields. Their values come from `_VALUES`, by the name of the field, or else from the
schema. The model reads each example, so that none is wrong.
"""

import json
from collections.abc import Mapping
from typing import Any

from .. import agency, ids, provider, recommendation
from ..base import Message

_REFERRAL = "0b7c2f0e-93a1-5d6e-8f42-5c1d7e9a3b10"
_NEED = ids.need_id(_REFERRAL, "bed")
_WHEN, _SOON, _LATER = "2026-11-24T09:00:05Z", "2026-11-24T10:00:05Z", "2026-11-24T13:00:05Z"

_PERSON = {"age_band": "18-59", "sex": "female", "languages": ["be", "ru"]}
_CONSENT = {
    "basis": "consent",
    "given_by": "person",
    "given_at": "2026-11-24T08:45:00Z",
    "grants": [{"recipients": "any", "fields": ["name", "contact"]}],
}
_SUBMITTED = {
    "reference": "R-2026-17",
    "referrer": "organisation",
    "location": {"admin1": "BY-BR"},
    "person": {"name": "Alesia Novik", **_PERSON, "contact": {"may_contact": True, "phone": "+375 00 000 00 00"}},
    "consent": _CONSENT,
    "needs": [{"need": "bed", "category": "shelter", "urgency": "urgent"}],
}
_IN_THE_PAST = [{"field": "valid_to", "fix": "is in the past: extend it, or delete the entry"}]
_ROW = "shelter/5f2c8a0d7b3e4916"
_OF_OFFER = {"referral_id": _REFERRAL, "need": "bed", "attempt": 1}
_OF_TENANTS: Mapping[type[Message], Mapping[str, Any]] = {
    agency.Submitted: _SUBMITTED,
    agency.Corrected: {**_SUBMITTED, "needs": [{"need": "bed", "category": "shelter", "urgency": "emergency"}]},
    agency.ConsentChanged: {"reference": "R-2026-17", "consent": {**_CONSENT, "given_at": _LATER, "grants": []}},
    agency.ReferralWithdrawn: {"reference": "R-2026-17", "needs": ["bed"], "reason": "resolved"},
    agency.StatusRequested: {"reference": "R-2026-17"},
    recommendation.RecommendationRequested: {
        "reference": "Q-2026-4",
        "person": _PERSON,
        "location": {"admin1": "BY-BR"},
        "needs": [{"need": "advice", "category": "legal", "urgency": "normal"}],
    },
    provider.Profile: {"name": "Brest Shelter", "public_key": "9Xk1mNqVw0b2cR5tY7uI8oP3aS4dF6gH1jK2lZ3xC4U="},
    provider.Service: {
        "service": "beds",
        "name": "Shelter beds",
        "categories": ["shelter"],
        "capacity": 12,
        "areas": ["BY-BR"],
        "eligibility": {"minimum_age": 18},
        "schedule": {
            "timezone": "Europe/Minsk",
            "openings": [{"days": ["MO", "FR"], "opens_at": "09:00", "closes_at": "17:00"}],
        },
    },
    provider.Answered: {**_OF_OFFER, "answer": "accepted", "provider_reference": "S-204"},
    provider.RecallAcknowledged: {**_OF_OFFER, "recall": 1},
}

_VALUES: Mapping[str, Any] = {
    "agency": "brest-help",
    "provider": "brest-shelter",
    "tenant": "brest-help",
    "name": "Brest Help",
    "service": "beds",
    "reference": "R-2026-17",
    "provider_reference": "S-204",
    "referral_id": _REFERRAL,
    "request_id": "5d3c1a9e-70b2-5f48-9c6d-2e8b4a7f1c35",
    "need_id": _NEED,
    "need": "bed",
    "stream": _NEED,
    "match_id": "c2a7d5e8-1b94-5e03-a6f1-7d9038c4b2e6",
    "row": "brest-shelter/beds:3",
    "slot": 3,
    "slots": [3],
    "attempt": 1,
    "recall": 1,
    "count": 14,
    "k": 10,
    "offers": 1,
    "version": "brest-shelter/beds@41",
    "weights": "2",
    "category": "shelter",
    "urgency": "urgent",
    "age_band": "18-59",
    "sex": "female",
    "languages": ["be", "ru"],
    "admin1": "BY-BR",
    "area": "BY-BR",
    "areas": ["BY-BR"],
    "referrer": "organisation",
    "recipients": "any",
    "consent": _CONSENT,
    "fields": ["name", "contact"],
    "problems": [{"field": "needs.0.category", "fix": "must be one of the categories in the schema"}],
    "funnel": [{"rule": "category", "left": 7}, {"rule": "area", "left": 4}],
    "reasons": [{"term": "language", "value": 0.5}, {"term": "free-share", "value": 0.6667}],
    "entry": "beds",
    "sent": "agency.submitted.v1",
    "reason": "withdrawn",
    "cause": "withdrawn",
    "end": "delivered",
    "key_id": _REFERRAL,
    "state": "matched",
    "fhir_status": "requested",
    "what": "matched",
    "box": "bm9uY2UgYW5kIGNpcGhlcnRleHQ=",
    "sealed": "ZW5jYXBzdWxhdGVkIGtleSBhbmQgY2lwaGVydGV4dA==",
    "turn": 0,
    "left": 1,
    "allowed": ["accepted", "declined"],
    "requested_at": "2026-11-24T09:00:01Z",
    "received_at": "2026-11-24T09:00:01Z",
    "asked_at": "2026-11-24T09:00:01Z",
    "appointment_at": "2026-11-25T08:30:00Z",
    "remind_at": "2026-11-24T09:30:05Z",
    "acknowledge_by": _SOON,
    "due_at": _SOON,
    "decide_by": _LATER,
    "escalate_at": "2026-11-24T11:00:05Z",
    "until": _LATER,
    "next_by": _LATER,
    "event_type": "org.referral-routing.provider.offer.v1",
    "event_id": "e1b3f7a4-52c6-5d09-8e7a-90f4c6b1d283",
    "topic": "provider.brest-shelter.notifications",
    "window_start": "2026-11-16",
    "window_end": "2026-11-23",
}

_BY_TYPE: Mapping[str, Mapping[str, Any]] = {
    "timer.elapsed.v1": {"name": "acknowledge:1"},
    "delivery.undeliverable.v1": {"reason": "topic-missing", "text": "{}"},
    "statistics.indicator.v1": {"state": "delivered"},
    "notification.checked-in.v1": {"state": "acknowledged", "count": 1, "turn": 1},
    "notification.acknowledged.v1": {"decide_by": _LATER},
    "notification.overdue.v1": {"state": "offered"},
    "notification.escalated.v1": {"state": "offered"},
    "provider.entry-refused.v1": {"problems": _IN_THE_PAST},
    "notification.entry-doubted.v1": {"problems": _IN_THE_PAST},
    "provider.answer-refused.v1": {"answer": "delivered", "reason": "not-allowed", "state": "offered"},
    "notification.answer-received.v1": {"answer": "accepted"},
    "notification.answer-invalid.v1": {"sent": "provider.answered.v1"},
    "notification.declined.v1": {"code": "no-capacity"},
    "provider.input-refused.v1": {"sent": "provider.answered.v1"},
    "matching.price-set.v1": {"id": _WHEN, "as_of": _WHEN, "window": 604_800, "prices": {"brest-shelter/beds": 0.12}},
    "matching.unmet.v1": {"cause": "area", "attempt": 0},
    "matching.patience-over.v1": {"cause": "capacity"},
    "intake.recommendation-asked.v1": {"reference": "Q-2026-4"},
    "matching.recommended.v1": {"reference": "Q-2026-4"},
    "intake.served-doubtful.v1": {"row": _ROW},
    "intake.link-ended.v1": {"row": _ROW},
    "outcomes.recommended.v1": {"reference": "Q-2026-4"},
}


def example(kind: type[Message]) -> dict[str, Any]:
    """The body of an example as JSON. Raises `pydantic.ValidationError` when the composed body is not valid."""
    body = dict(_OF_TENANTS.get(kind) or _composed(kind))
    kind.read(json.dumps(body))
    return body


def _composed(kind: type[Message]) -> dict[str, Any]:
    schema = kind.model_json_schema()
    own = _BY_TYPE.get(kind.TYPE, {})
    body: dict[str, Any] = _object(schema, schema.get("$defs", {}))
    return {**body, **own}


def _object(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {name: _value(name, each, parts) for name, each in schema.get("properties", {}).items() if name in required}


def _value(name: str, schema: Mapping[str, Any], parts: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        schema = parts[schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema and name not in _VALUES:
        return _value(name, schema["anyOf"][0], parts)
    if "enum" in schema:
        usual = _VALUES.get(name)
        return usual if usual in schema["enum"] else schema["enum"][0]
    match schema.get("type"):
        case "object" if "properties" in schema and name not in _VALUES:
            return _object(schema, parts)
        case "array" if name not in _VALUES:
            return [_value(name, schema["items"], parts)]
        case _ if name in _VALUES:
            return _VALUES[name]
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case "object":
            return {}
    if schema.get("format") == "date-time":
        return _WHEN
    return schema.get("const", name)
