"""What is wrong with something a tenant sent, in words that say what to do. No input in them, since that is a person.

Three sources: what the CloudEvents codec or the gate found (`fix_of` a code), what pydantic found (`problems_of`), and
what both read over (`lint_raw_json`): a name given twice, of which the last would win silently, and the character NUL.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pydantic import ValidationError

from contracts.base import Message
from contracts.intake import Problem

_MOST = 20
"""Problems told at once. Who has more is told the rest when these are mended."""

_CODES = {
    "header-without-value": "this header has no value: give it one",
    "header-not-utf-8": "this header must be UTF-8 text",
    "header-unusable": "this header must be text of at most 1024 characters, without NUL",
    "no-body": "there is no body: send the event as a JSON object",
    "content-type-not-json": "must be application/json, or application/cloudevents+json",
    "body-not-json": "is not valid JSON in UTF-8; NaN, Infinity and lone surrogates are not JSON",
    "body-not-an-object": "must be one JSON object",
    "body-too-deep": "is nested too deeply",
    "attribute-unusable": "must be text of at most 1024 characters, without NUL",
    "attribute-missing": "is needed: send the CloudEvents attribute as a Kafka header",
    "specversion-unknown": "must be 1.0",
    "time-not-rfc-3339": "must be a date and time with zone, such as 2026-11-24T09:00:00Z, or be left out",
    "time-without-zone": "needs a time zone, such as 2026-11-24T09:00:00Z",
    "too-large": "is larger than 256 KiB: shorten the notes, or send fewer needs at once",
    "type-unknown": "is no event type that is taken here",
    "admission-failed": "could not be handled, by a fault of ours: the operators have it, no need to send it again",
}

PATTERNS = {
    r"^[A-Za-z0-9._-]{1,64}$": "must be 1 to 64 of the characters A-Z, a-z, 0-9, '.', '_' and '-'",
    r"^[a-z0-9-]{1,63}$": "must be an organisation's id: 1 to 63 of the characters a-z, 0-9 and '-'",
    r"^[a-z]{2,3}$": "must be a language code of two or three small letters (ISO 639), such as ru or prs",
    r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$": "must be an ISO 3166 code of a region or country, such as BY-BR or BY",
    r"^[A-Z]{3}$": "must be an ISO 4217 currency code of three capital letters, such as PLN",
    r"^[A-Z]{2}$": "must be an ISO 3166 country code of two capital letters, such as SY",
    r"^[A-Za-z0-9+/]{43}=$": "must be a raw X25519 public key of 32 bytes, in base64",
    r"^[0-9a-f-]{36}$": "must be the referral_id that stands in the offer",
}
"""Every pattern in what tenants send, in words."""

_DATE = "must be a date, such as 1988-02-29"
_TIME = "must be a date and time with zone, such as 2026-11-24T09:00:00Z"
_WALL = "must be hours and minutes such as 09:30"
_WORDS = {
    "missing": "is needed",
    "extra_forbidden": "remove the unknown field, or spell it as in the schema",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "timezone_aware": "needs a time zone, such as 2026-11-24T09:00:00Z",
    "finite_number": "must be a number: NaN and Infinity are none",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "model_type": "must be an object, in braces",
    "list_type": "must be a list, in brackets",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
    "string_too_short": "must not be empty",
    "string_too_long": "takes at most {max_length} characters",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}
"""By pydantic's name of a fault; what stands in braces is the schema's, never the input."""


def fix_of(code: str) -> str:
    """What to do about a fault of the codec or the gate."""
    return _CODES.get(code, "can not be used as it is")


def problems_of(error: ValidationError) -> list[Problem]:
    """What to fix, by field path. An unknown field's own name stays out: it is input."""
    found: dict[str, list[str]] = {}
    for fault in error.errors(include_input=False, include_url=False)[:_MOST]:
        path = fault["loc"][:-1] if fault["type"] == "extra_forbidden" else fault["loc"]
        # Of a union, pydantic names each branch: list[constrained-str]. To the sender it is one field.
        field = ".".join(str(part) for part in path if "[" not in str(part)) or "body"
        fixes = found.setdefault(field, [])
        if (fix := _fix(fault["type"], fault["msg"], fault.get("ctx", {}))) not in fixes:
            fixes.append(fix)
    return [Problem(field=field, fix="; or ".join(fixes)) for field, fixes in found.items()]


def _fix(kind: str, text: str, context: dict[str, Any]) -> str:
    if kind == "json_invalid":
        return f"is not valid JSON: {_json(text.removeprefix('Invalid JSON: '))}"
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], text)
    if kind.startswith("datetime_"):
        return _TIME
    if kind.startswith("time_"):
        return _WALL
    if kind.startswith("date_"):
        return _DATE
    words = _WORDS.get(kind)
    return words.format_map(context) if words else text.removeprefix("Value error, ")


def _json(text: str) -> str:
    """The parser's word, which has line and column and no input; clearer where it speaks of itself."""
    what, at, where = text.partition(" at line ")
    clear = {
        "recursion limit exceeded": "it is nested too deeply",
        "number out of range": "a number has too many digits",
        "unexpected end of hex escape": "a \\u escape is half of a pair, or not finished",
        "lone leading surrogate in hex escape": "a \\u escape is half of a pair",
        "invalid unicode code point": "it is not UTF-8",
        "EOF while parsing a value": "it is empty, or ends too early",
    }
    return clear.get(what, what) + at + where


class _Twice(dict[str, Any]):
    """An object in which a name stands more than once."""

    names: tuple[str, ...] = ()


def lint_raw_json(value: bytes, model: type[Message]) -> list[Problem]:
    """Names given twice, and NUL, in a JSON text; nothing where it is not JSON, which `model` will say itself.

    `value` is the record's own, for whoever parses an envelope first has already lost the first of two names.
    """
    twice = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        whole = dict(found)
        if len(whole) == len(found):
            return whole
        twice = True
        marked, seen, again = _Twice(whole), set[str](), dict[str, None]()
        for name, _ in found:
            if name in seen:
                again[name] = None
            seen.add(name)
        marked.names = tuple(again)
        return marked

    try:
        whole = json.loads(value, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return []
    if not twice and b"\\u0000" not in value:
        return []
    known = _names(model)
    told = ((_field(path, known), fix) for path, fix in _faults(whole, known.__contains__))
    return [Problem(field=field, fix=fix) for field, fix in dict.fromkeys(told)][:_MOST]


_Path = tuple[str | int, ...]


def _faults(whole: Any, known: Callable[[str], bool]) -> Iterator[tuple[_Path, str]]:
    """Walks without recursion: the sender chooses the depth."""
    waiting: list[tuple[_Path, Any]] = [((), whole)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, _Twice):
            for name in each.names:
                if known(name):
                    yield (*path, name), "is given more than once: give it once"
                else:
                    yield path, "has a field more than once: give each once"
        if isinstance(each, dict):
            if any("\0" in name for name in each):
                yield path, "a field's name holds the character NUL: leave it out"
            waiting += [((*path, name), inner) for name, inner in reversed(each.items())]
        elif isinstance(each, list):
            waiting += [((*path, index), inner) for index, inner in reversed(list(enumerate(each)))]
        elif isinstance(each, str) and "\0" in each:
            yield path, "holds the character NUL: leave it out"


def _field(path: _Path, known: frozenset[str]) -> str:
    """The path as far as it is the schema's and not the sender's; of an envelope, that within the body."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, str) and part not in known:
            break
        parts.append(str(part))
    if parts[:1] == ["data"]:
        parts = parts[1:]
    return ".".join(parts) or "body"


@cache
def _names(model: type[Message]) -> frozenset[str]:
    """All names of fields in a model and its parts, and those of a CloudEvents envelope."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset({"id", "type", "data"}.union(*(part.get("properties", {}) for part in parts)))
