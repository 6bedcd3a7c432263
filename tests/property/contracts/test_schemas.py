"""What the gate takes and what the published schemas say is the same."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.base import Input, Message
from contracts.catalogue import MESSAGES
from contracts.published import schema
from services.chassis.ingress.validation_errors import lint_raw_json
from tests.support.from_schema import fitting, near_misses, validator

INPUTS = [kind for kind in MESSAGES.values() if issubclass(kind, Input)]
pytestmark = pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.TYPE)
slow = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@cache
def published(kind: type[Message]) -> dict[str, Any]:
    return schema(kind)


def faults(kind: type[Message], document: Any) -> list[str]:
    """What the gate refuses in a document, as types of error; empty if it takes it."""
    raw = json.dumps(document).encode()
    if lint_raw_json(raw, kind):
        return ["nul"]
    try:
        kind.read(raw)
    except ValidationError as error:
        return [each["type"] for each in error.errors(include_input=False)]
    return []


@slow
@given(data=st.data())
def test_what_fits_the_schema_is_refused_only_for_fields_that_contradict_each_other(
    kind: type[Message], data: st.DataObject
) -> None:
    document = data.draw(fitting(published(kind)))
    assert validator(published(kind)).is_valid(document), "the generator and jsonschema disagree"
    assert set(faults(kind, document)) <= {"value_error"}


@slow
@given(data=st.data())
def test_a_near_miss_is_refused_by_the_gate_exactly_if_the_schema_refuses_it(
    kind: type[Message], data: st.DataObject
) -> None:
    document = data.draw(near_misses(fitting(published(kind))))
    fits = validator(published(kind)).is_valid(document)
    refused = set(faults(kind, document))
    if fits:
        assert refused <= {"value_error"}
    else:
        assert refused
