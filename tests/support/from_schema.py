"""JSON documents that fit a JSON Schema, and their near misses: documents with one small fault, as people make them.

Hypothesis draws both. It knows the part of JSON Schema that our contracts use, and fails on anything else, so that a
new keyword is not overlooked. `validator` decides whether a document fits; it is no code of ours but `jsonschema`.
"""

import copy
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

Schema = dict[str, Any]
_ANNOTATIONS = {"title", "description", "default", "$defs", "$schema", "format", "x-years-before", "x-years-after"}
_KNOWN = {
    "object": {"properties", "required", "additionalProperties", "patternProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"pattern", "minLength", "maxLength", "enum", "const", "not"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(),
    "null": set(),
}
_FORMATS = FormatChecker([])
_FORMATS.checks("date", ValueError)(lambda text: not isinstance(text, str) or bool(date.fromisoformat(text)))
_FORMATS.checks("date-time", ValueError)(lambda text: not isinstance(text, str) or bool(datetime.fromisoformat(text)))


def validator(schema: Schema) -> Any:
    """What decides whether a document fits the schema, formats included."""
    whole = validators.extend(Draft202012Validator, {"pattern": _pattern})
    return whole(schema, format_checker=_FORMATS)


def _pattern(_: Any, pattern: str, text: Any, __: Any) -> Iterator[ValidationError]:
    """As JSON Schema means it (ECMA-262): Python's ``$`` would also match before a last line break."""
    if isinstance(text, str) and not re.search(re.sub(r"\$(?=\)?$)", r"\\Z", pattern), text):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


def fitting(schema: Schema, node: Schema | None = None) -> st.SearchStrategy[Any]:
    """Documents that fit the schema. `node` is a part of it."""
    node = schema if node is None else node
    if "$ref" in node:
        return st.deferred(lambda: fitting(schema, schema["$defs"][node["$ref"].rpartition("/")[2]]))
    if "anyOf" in node:
        return st.one_of([fitting(schema, each) for each in node["anyOf"]])
    if "enum" in node or "const" in node:
        return st.sampled_from(node["enum"] if "enum" in node else [node["const"]])
    kind = node["type"]
    assert node.keys() - _ANNOTATIONS - {"type"} <= _KNOWN[kind], f"a keyword that this generator does not know: {node}"
    match kind:
        case "object":
            return _objects(schema, node)
        case "array":
            most = min(node.get("maxItems", 2), node.get("minItems", 0) + 2)
            return st.lists(fitting(schema, node["items"]), min_size=node.get("minItems", 0), max_size=most)
        case "string":
            return _texts(node)
        case "integer":
            return st.integers(node.get("minimum"), node.get("maximum"))
        case "number":
            lowest = node.get("minimum", node.get("exclusiveMinimum"))
            highest = node.get("maximum", node.get("exclusiveMaximum"))
            numbers = st.floats(
                lowest, highest, allow_nan=False, allow_infinity=False,
                exclude_min="exclusiveMinimum" in node, exclude_max="exclusiveMaximum" in node,
            )  # fmt: skip
            return numbers.map(lambda number: int(number) if number.is_integer() else number)
        case "boolean":
            return st.booleans()
        case _:
            return st.none()


def _objects(schema: Schema, node: Schema) -> st.SearchStrategy[dict[str, Any]]:
    parts = {name: fitting(schema, each) for name, each in node.get("properties", {}).items()}
    needed = set(node.get("required", ()))
    fixed = st.fixed_dictionaries(
        {name: each for name, each in parts.items() if name in needed},
        optional={name: each for name, each in parts.items() if name not in needed},
    )
    if "patternProperties" not in node:
        return fixed
    ((pattern, value),) = node["patternProperties"].items()
    names = fitting(schema, {"type": "string", "pattern": pattern})
    return st.dictionaries(names, fitting(schema, value), max_size=2)


def _texts(node: Schema) -> st.SearchStrategy[str]:
    if "pattern" in node:
        texts = st.from_regex(re.compile(node["pattern"], re.ASCII), fullmatch=True)
        texts = texts.filter(lambda text: not text.endswith("\n"))  # Python's `$`
    else:
        texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    least, most = node.get("minLength", 0), node.get("maxLength", 60)
    texts = texts.filter(lambda text: least <= len(text) <= most)
    if "not" in node:
        wrong = re.compile(node["not"]["pattern"])
        texts = texts.filter(lambda text: not wrong.search(text))
    if "format" not in node:
        return texts
    read = {"date": date.fromisoformat, "date-time": datetime.fromisoformat}[node["format"]]

    def exists(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return texts.filter(exists)


_GONE = object()
_SLIPS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.5, 46350, 1767225600, 1e400, "", "1", "1.0", "true", "false", "yes", "46350", "any",
    "1767225600", "2026-02-30", "2026-3-1", "31.12.1988", "2026-03-01T08:00", "2026-03-01T08:00Z",
    "2026-03-01 08:00:00Z", "2026-03-01T08:00:00+0300", "2026-03-01T08:00:60Z", "9999-12-31", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+03:00", "25:00", "9:30", "09:30Z", "HIGH", "?????", "#NAME?", "3.75291E+11", "a\ufffdb",
    "x" * 3000, [], {}, [[]],
)  # fmt: skip


@st.composite
def near_misses(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> Any:
    """A document in which one to two things were changed slightly. It may still fit: ask `validator`."""
    whole = {"": copy.deepcopy(draw(documents))}
    for _ in range(draw(st.integers(1, 2))):
        parent, key = draw(st.sampled_from(list(_places(whole))))
        slip = draw(st.sampled_from([*_slips(parent[key]), *_SLIPS, _GONE]))
        if slip is _GONE and parent is not whole:
            del parent[key]
        elif slip is not _GONE:
            parent[key] = copy.deepcopy(slip)
    return whole[""]


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document, as a container and the key in it."""
    for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, key
        yield from _places(node[key])


def _slips(value: Any) -> Iterator[Any]:
    """Values that look much like this one."""
    yield [value]
    if isinstance(value, bool):
        yield from (str(value).lower(), int(value))
    elif isinstance(value, int | float):
        yield from (str(value), value + 0.5, -value, value * 1000)
        if abs(value) < 1e9:
            yield float(value)
    elif isinstance(value, str):
        yield from (f"{value}\n", f" {value}", f"{value}x", value[:-1], value.upper(), value.title(), value + "\0")
        yield value.replace("Z", "").replace("T", " ")
    elif isinstance(value, list):
        yield from (value * 60, value[0] if value else None)
    elif isinstance(value, dict):
        yield {**value, "unknown_field": 1}
        yield from ({f"{name}s": inner} for name, inner in value.items())
