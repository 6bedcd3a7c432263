"""Steps through a model's JSON Schema, and the names of the fields at a path."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model, computed once."""
    return model.model_json_schema()


def options(schema: dict[str, Any], node: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """A node with its references resolved, and each branch of a union separately. `schema` is the whole."""
    if node is None:
        return
    if "$ref" in node:
        yield from options(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node:
        for each in node["anyOf"]:
            yield from options(schema, each)
    elif node.get("type") != "null":
        yield node


def step(node: dict[str, Any], part: str) -> dict[str, Any] | None:
    """The schema of a field, or of a list's elements where `part` is a number; None when there is none."""
    inner = node.get("items") if part.isdigit() else node.get("properties", {}).get(part)
    return inner if isinstance(inner, dict) else None


def names_at(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """The names of the fields of the part at a path, in the schema's order; none when it has no fields.

    `path` may be the location of a pydantic error: what it adds for the branch of a union is passed over.
    """
    schema = schema_of(model)
    nodes = list(options(schema, schema))
    for part in path:
        inner = [option for node in nodes for option in options(schema, step(node, str(part)))]
        nodes = inner or nodes
    return list(dict.fromkeys(name for node in nodes for name in node.get("properties", {})))
