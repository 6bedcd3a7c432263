"""A refusal says which field is misspelt and how it is spelt, in each part of each message that organisations send."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.agency import Submitted
from contracts.base import Input, Message
from contracts.catalogue import MESSAGES
from contracts.schema_walk import names_at, options, schema_of
from services.chassis.ingress.validation_errors import problems_of

INPUTS = [kind for kind in MESSAGES.values() if issubclass(kind, Input)]
each_input = pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.TYPE)
Part = tuple[str | int, ...]


def parts(schema: dict[str, Any], node: dict[str, Any], at: Part = ()) -> Iterator[Part]:
    """The path of each part that has fields, the whole first."""
    if "properties" in node:
        yield at
    for name, inner in node.get("properties", {}).items():
        for each in options(schema, inner):
            yield from parts(schema, each, (*at, name))
            for element in options(schema, each.get("items")):
                yield from parts(schema, element, (*at, name, 0))


def parts_of(kind: type[Message]) -> list[Part]:
    return list(dict.fromkeys(parts(schema_of(kind), schema_of(kind))))


def problems_with(kind: type[Message], part: Part, name: str) -> dict[str, str]:
    """The fix of each field of a message that has nothing but the field `name`, in this part."""
    body: Any = {name: 1}
    for each in reversed(part):
        body = [body] if isinstance(each, int) else {each: body}
    with pytest.raises(ValidationError) as caught:
        kind.read(json.dumps(body))
    return {each.field: each.fix for each in problems_of(caught.value, kind)}


def test_there_are_ten_and_some_have_parts() -> None:
    assert len(INPUTS) == 10
    assert sum(len(parts_of(kind)) for kind in INPUTS) > 20


@each_input
def test_a_misspelt_field_is_shown_with_the_nearest_known_one(kind: type[Message]) -> None:
    for part in parts_of(kind):
        known = names_at(kind, part)
        for name in known:
            wrong = f"{name}s"
            if wrong in known or not re.fullmatch("[a-z_]{4,39}", name):
                continue
            field = ".".join(map(str, (*part, wrong)))
            assert problems_with(kind, part, wrong)[field] == f"is an unknown field: did you mean {name!r}?"


@each_input
@pytest.mark.parametrize(
    "name",
    [
        *("Yusuf", "Olena_Kovalenko", "Оксана", "a b", "Q" * 41, "+375291234567"),
        *("reference1", "r\u0435ference"),  # near a known name, but of another shape
    ],
)
def test_what_could_be_a_person_is_not_repeated(kind: type[Message], name: str) -> None:
    for part in parts_of(kind):
        problems = problems_with(kind, part, name)
        field = ".".join(map(str, part)) or "body"
        assert problems[field].split("; or ")[0].endswith(f"known here: {', '.join(names_at(kind, part))}")
        assert name not in json.dumps(problems, ensure_ascii=False)


def test_another_way_of_writing_a_known_name_is_near_it() -> None:
    assert "'birth_date'" in problems_with(Submitted, ("person",), "birthDate")["person.birthDate"]
