"""The messages: who may add fields, what validation errors contain, and that the schemas are up to date."""

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from contracts import agency, catalogue, notification, operations, provider, schemas
from contracts.base import Event, Input, Message
from contracts.catalogue import MESSAGES
from contracts.recommendation import RecommendationRequested
from services.chassis.engine.decoding import field_of
from services.chassis.ingress.validation_errors import problems_of
from tests.support import builders

SUBMITTED: dict[str, Any] = {
    "reference": "R-1",
    "referrer": "government",
    "person": {"name": "N", "age_band": "18-59", "sex": "female", "languages": ["ru"],
               "contact": {"may_contact": True, "phone": "1"}},
    "location": {"admin1": "BY-BR"},
    "consent": {"basis": "consent", "given_at": "2026-03-01T08:00:00Z", "given_by": "person",
                "grants": [{"recipients": "any", "fields": ["name"]}]},
    "needs": [{"need": "bed", "category": "shelter", "urgency": "high", "constraints": {"max_distance_km": 5}}],
}  # fmt: skip
QUESTION: dict[str, Any] = {
    "reference": "Q-1",
    "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
    "location": {"admin1": "BY-BR"},
    "needs": [{"need": "bed", "category": "shelter", "urgency": "urgent", "constraints": {"step_free": True}}],
}
PROFILE = {"name": "P", "public_key": "A" * 43 + "="}
SERVICE = {"service": "beds", "name": "Beds", "categories": ["shelter"], "capacity": 3}
ANSWERED = {"referral_id": "0" * 36, "need": "bed", "attempt": 1, "answer": "declined", "code": "no-capacity"}
OF_REFERENCE = {"reference": "R-1"}
INPUTS: dict[type[Message], dict[str, Any]] = {
    agency.Submitted: SUBMITTED,
    agency.Corrected: SUBMITTED,
    agency.ConsentChanged: {"reference": "R-1", "consent": {**SUBMITTED["consent"], "grants": []}},
    agency.ReferralWithdrawn: OF_REFERENCE,
    agency.StatusRequested: OF_REFERENCE,
    RecommendationRequested: QUESTION,
    provider.Profile: PROFILE,
    provider.Service: SERVICE,
    provider.Answered: ANSWERED,
    provider.RecallAcknowledged: {"referral_id": "0" * 36, "need": "bed", "attempt": 1, "recall": 1},
}
EVENTS = [
    builders.accepted(),
    builders.recommendation_asked(),
    builders.recommended(),
    builders.withdrawn(),
    builders.matched(),
    builders.waiting(),
    builders.unmet(),
    builders.of_offer(notification.Offered),
    builders.of_offer(notification.Declined),
]


@cache
def exported() -> dict[str, str]:
    """Cached, since building all schemas takes a second."""
    return schemas.exported()


def dumped(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


# The catalogue --------------------------------------------------------------------------------------------------------


def all_messages(of: type[Message] = Message) -> set[type[Message]]:
    return {kind for each in of.__subclasses__() for kind in {each, *all_messages(each)}}


def test_every_message_has_a_type_of_its_own_with_a_version() -> None:
    ours = [kind for kind in all_messages() if kind.__module__.startswith("contracts.") and "TYPE" in vars(kind)]
    types = [kind.TYPE for kind in ours]
    assert len(set(types)) == len(types)
    assert all(re.fullmatch(r"[a-z-]+\.[a-z-]+\.v\d+", each) for each in types)
    assert {kind.ce_type() for kind in ours} == set(MESSAGES), "the catalogue has all of them"
    assert all(kind.ce_type().startswith("org.referral-routing.") for kind in ours)


def test_a_message_is_an_input_or_an_event() -> None:
    assert all(issubclass(kind, Input) != issubclass(kind, Event) for kind in MESSAGES.values())
    assert {kind for kind in MESSAGES.values() if issubclass(kind, Input)} == set(INPUTS)


def test_every_message_has_a_docstring() -> None:
    assert all((kind.__doc__ or "").strip() for kind in MESSAGES.values())
    assert catalogue.MESSAGES


# Strictness -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.TYPE)
def test_an_input_with_an_unknown_field_anywhere_is_refused(kind: type[Message]) -> None:
    body = INPUTS[kind]
    kind.read(dumped(body))
    for path in _objects(body):
        copy = json.loads(json.dumps(body))
        inner = copy
        for step in path:
            inner = inner[step]
        inner["consent_"] = 1
        with pytest.raises(ValidationError):
            kind.read(dumped(copy))


def _objects(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all objects in a body."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    below = [each for name, value in inner for each in _objects(value, (*path, name))]
    return [path, *below] if isinstance(body, dict) else below


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_readers_of_an_event_ignore_unknown_fields_and_writers_cannot_write_them(event: Message) -> None:
    body = json.loads(event.model_dump_json())
    for path in _objects(body):
        inner = body
        for step in path:
            inner = inner[step]
        inner["later"] = {"more": 1}
    assert type(event).read(dumped(body)) == event
    with pytest.raises(ValidationError):
        type(event)(**{**dict(event), "later": 1})


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_a_message_is_the_same_after_writing_and_reading(event: Message) -> None:
    assert type(event).read(event.model_dump_json()) == event


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_are_finite(number: str) -> None:
    with pytest.raises(ValidationError):
        provider.Service.read(dumped(SERVICE)[:-1] + f', "latitude": {number}, "longitude": 1}}')


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (agency.Submitted, {"needs": []}),
        (agency.Submitted, {"needs": SUBMITTED["needs"] * 2}),
        (agency.Submitted, {"person": {**SUBMITTED["person"], "name": None}}),
        (agency.Submitted, {"person": {**SUBMITTED["person"], "birth_date": "1990-01-01"}}),
        (agency.Submitted, {"person": {**SUBMITTED["person"], "age_band": "5-11"}}),
        (agency.Submitted, {"location": {"admin1": "BY-BR", "latitude": 1}}),
        (agency.Submitted, {"reference": "Maria Lopez"}),
        (agency.Submitted, {"reference": "a/b"}),
        (agency.Submitted, {"consent": {**SUBMITTED["consent"], "given_at": "2026-03-01T08:00:00"}}),
        (provider.Service, {"eligibility": {"minimum_age": 5, "maximum_age": 4}}),
        (provider.Service, {"radius_km": 5}),
        (provider.Service, {"valid_from": "2026-02-01", "valid_to": "2026-01-01"}),
        (provider.Answered, {"code": None}),
        (provider.Answered, {"code": "no-show"}),
        (provider.Answered, {"answer": "accepted"}),
        (provider.Answered, {"attempt": 0}),
        (provider.Profile, {"public_key": "short"}),
    ],
)
def test_contradictions_are_refused(kind: type[Message], change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.read(dumped({**INPUTS[kind], **change}))


# Errors have no input ------------------------------------------------------------------------------------------------

CANARY = "Zq7XwMaria"
VALUES = st.sampled_from(
    [CANARY, f"{CANARY}@x", [CANARY], {CANARY: CANARY}, {"name": CANARY}, f"2026-03-01T{CANARY}", f"18{CANARY}"]
)


@given(st.data())
def test_validation_errors_never_contain_the_input(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(INPUTS)))
    body = json.loads(json.dumps(INPUTS[kind]))
    for _ in range(data.draw(st.integers(1, 3))):
        inner = body
        for step in data.draw(st.sampled_from(_objects(body))):
            inner = inner[step]
        inner[data.draw(st.sampled_from([*inner, CANARY]))] = copy.deepcopy(data.draw(VALUES))
    text = dumped(body)
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text)))]
    reported = ["read"]
    try:
        kind.read(text)
    except ValidationError as error:
        reported = [field_of(error), *(each.model_dump_json() for each in problems_of(error, kind))]
    assert reported
    assert CANARY not in "".join(reported)


def test_at_most_20_problems_are_reported() -> None:
    body = {**SUBMITTED, "needs": [{"need": "x y", "category": "?", "urgency": "?"}] * 20}
    with pytest.raises(ValidationError) as caught:
        agency.Submitted.read(dumped(body))
    assert len(problems_of(caught.value)) == 20


# Schemas --------------------------------------------------------------------------------------------------------------


def test_the_committed_schemas_are_up_to_date() -> None:
    committed = {path.name: path.read_text() for path in schemas.FOLDER.glob("*.json")}
    assert committed == exported(), "run make schemas"


def test_the_schemas_are_valid_and_agree_with_the_models() -> None:
    for kind, body in INPUTS.items():
        schema = json.loads(exported()[f"{kind.TYPE}.json"])
        Draft202012Validator.check_schema(schema)
        if kind not in (agency.Submitted, agency.Corrected):  # urgency's aliases are not in the schema
            Draft202012Validator(schema).validate(body)
        with_typo = {**body, "typo": 1}
        assert not Draft202012Validator(schema).is_valid(with_typo)


@pytest.mark.parametrize("kind", MESSAGES.values(), ids=lambda kind: kind.TYPE)
def test_schemas_are_closed_for_inputs_and_open_for_events(kind: type[Message]) -> None:
    """In every part of a schema, and in the AsyncAPI document as well."""
    document = json.loads(exported()["asyncapi.json"])["components"]["schemas"]
    closed = issubclass(kind, Input)
    for whole in (exported()[f"{kind.TYPE}.json"], json.dumps(reached(document, kind.TYPE))):
        parts = list(objects(json.loads(whole)))
        assert parts or kind.TYPE not in document, "it is on no channel"
        assert {each.get("additionalProperties") for each in parts} <= ({False} if closed else {None})


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """The parts of a schema that have fields."""
    if isinstance(node, dict) and node.get("type") == "object" and "properties" in node:
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(each)


def reached(parts: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of the AsyncAPI document and all parts it refers to; empty if there is no such part."""
    parts_by_name: dict[str, Any] = {}
    left = [name] if name in parts else []
    while left:
        each = left.pop()
        if each not in parts_by_name:
            parts_by_name[each] = parts[each]
            left += re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(parts[each]))
    return parts_by_name


def test_a_tenant_is_active_by_default() -> None:
    tenant = TypeAdapter(operations.Tenant).validate_python(
        {"tenant": "a", "name": "A", "kind": "agency", "registered_at": "2026-03-01T08:00:00Z"}
    )
    assert tenant.state == "active"
