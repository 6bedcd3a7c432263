"""The kind of field behind a path such as ``person.languages`` or ``needs.0.category``, from the JSON Schema."""

import difflib
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from math import isfinite
from typing import Any

from contracts.base import Message
from contracts.schema_walk import options, schema_of, step


class Kind(StrEnum):
    """What the text of a cell must be converted to."""

    VALUE = "value"
    LIST = "list"
    DATE = "date"
    TIME = "date-time"


@cache
def kind_of(model: type[Message], path: str) -> Kind | None:
    """The kind of the field; None when there is no such field, or a single cell cannot hold its value."""
    schema, nodes = schema_of(model), _nodes(model, path)
    if any(node.get("type") == "array" and "properties" not in _first(schema, node) for node in nodes):
        return Kind.LIST
    if not nodes or all(node.get("type") in ("object", "array") for node in nodes):
        return None
    formats = {node.get("format") for node in nodes}
    return next((kind for kind in (Kind.DATE, Kind.TIME) if kind.value in formats), Kind.VALUE)


def alternatives(model: type[Message], path: str) -> set[str]:
    """Single words that are allowed instead of a list, such as ``any``."""
    return {str(node["const"]) for node in _nodes(model, path) if "const" in node}


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def typed(model: type[Message], path: str, cell: str) -> Any:
    """A cell as the number, boolean or word that its field holds. Unchanged where it is none: validation reports it."""
    nodes = _nodes(model, path)
    types = {node.get("type") for node in nodes}
    if "boolean" in types:
        return _BOOLEANS.get(cell.lower(), cell)
    if types & {"integer", "number"}:
        return _number(cell)
    words = {str(word) for node in nodes for word in node.get("enum", ())}
    return cell.lower() if cell.lower() in words else cell


def _number(cell: str) -> Any:
    """The finite number in a cell; the cell when it is none."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if isfinite(number) else cell


def close_to(model: type[Message], path: str) -> str | None:
    """The existing path that is most similar; None when none is."""
    known = list(_paths(schema_of(model), schema_of(model), ()))
    return next(iter(difflib.get_close_matches(path, known, 1)), None)


def _nodes(model: type[Message], path: str) -> list[dict[str, Any]]:
    """The schemas at the end of a path: one for each branch of a union."""
    schema = schema_of(model)
    nodes = [schema]
    for part in path.split("."):
        nodes = [option for node in nodes for option in options(schema, step(node, part))]
    return nodes


def _first(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The first kind of element that a list may hold."""
    return next(options(schema, node.get("items")), {})


def _paths(schema: dict[str, Any], node: dict[str, Any], at: tuple[str, ...]) -> Iterator[str]:
    for name, inner in node.get("properties", {}).items():
        for each in options(schema, inner):
            path = (*at, name)
            if "properties" in each:
                yield from _paths(schema, each, path)
            elif "properties" in _first(schema, each):
                yield from _paths(schema, _first(schema, each), (*path, "0"))
            else:
                yield ".".join(path)
