"""What is wrong with a tenant's message, in words that say what to do. They never quote input, which may be a person.

There are three sources: codes of the CloudEvents codec and the gate (`fix_of`), pydantic's errors (`problems_of`), and
what both overlook (`lint_raw_json`): duplicate names, of which the last would silently win, and the character NUL.
"""

import difflib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from contracts import formats
from contracts.base import Message
from contracts.profiles import Problem
from contracts.schema_walk import names_at, schema_of

_MOST = 20
"""Problems reported at once. Any further ones are reported once these are fixed."""

_CODES = {
    "header-without-value": "this header has no value: give it one",
    "header-not-utf-8": "this header must be UTF-8 text",
    "header-unusable": "this header must be text of at most 1024 characters, without NUL",
    "no-body": "there is no body: send the event as a JSON object",
    "content-type-not-json": "must be application/json or another JSON type, or application/cloudevents+json",
    "batch-not-supported": "must not be a batch: send each event as a record of its own",
    "body-not-json": "is not valid JSON in UTF-8; NaN, Infinity and lone surrogates are not JSON",
    "body-not-an-object": "must be one JSON object",
    "body-too-deep": "is nested too deeply",
    "body-not-base64": "must be the base64 of a JSON object, with '+', '/' and '='",
    "two-bodies": "must not stand beside data: send one of them",
    "attribute-unusable": "must be text of at most 1024 characters, without NUL",
    "attribute-missing": "is needed: send the CloudEvents attribute as a Kafka header",
    "specversion-unknown": "must be 1.0",
    "time-not-rfc-3339": "must be a date and time with zone, such as 2026-11-24T09:00:00Z, or be left out",
    "time-without-zone": "needs a time zone, such as 2026-11-24T09:00:00Z",
    "too-large": "is larger than 256 KiB: shorten the notes, or send fewer needs at once",
    "type-unknown": "is not an accepted event type",
    "admission-failed": "could not be handled because of a fault on our side: the operators have it, do not resend it",
}

_DATE = "must be a date, such as 1988-02-29, in the years 1800 to 2099"
_TIME = "must be a date and time with zone, such as 2026-11-24T09:00:00Z, in the years 2000 to 2099"
_TIME_OF_DAY = "must be hours and minutes such as 09:30"
PATTERNS = {
    r"^[A-Za-z0-9._-]{1,64}$": "must be 1 to 64 of the characters A-Z, a-z, 0-9, '.', '_' and '-'",
    r"^[a-z0-9-]{1,63}$": "must be an organisation's id: 1 to 63 of the characters a-z, 0-9 and '-'",
    r"^[a-z]{2,3}$": "must be a lower-case ISO 639 language code of two or three characters, such as ru or prs",
    r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$": "must be an ISO 3166 code of a region or country, such as BY-BR or BY",
    r"^[A-Z]{3}$": "must be an upper-case ISO 4217 currency code of three characters, such as PLN",
    r"^[A-Z]{2}$": "must be an upper-case ISO 3166 country code of two characters, such as SY",
    r"^[A-Za-z0-9+/]{43}=$": "must be a raw X25519 public key of 32 bytes, in base64",
    r"^[0-9a-f-]{36}$": "must be the referral_id from the offer",
    formats.DATE: _DATE,
    formats.MOMENT: _TIME,
    formats.TIME_OF_DAY: _TIME_OF_DAY,
}
"""Every pattern of the messages that tenants send, in words."""

_FIXES = {
    "missing": "is needed",
    "extra_forbidden": "remove the unknown field, or spell it as in the schema",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "timezone_aware": "needs a time zone, such as 2026-11-24T09:00:00Z",
    "finite_number": "must be a finite number, not NaN or Infinity, nor one of hundreds of digits",
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
"""By pydantic's type of error. The values in braces come from the schema, never from the input."""


def fix_of(code: str) -> str:
    """What to do about a reason code of the codec or the gate."""
    return _CODES.get(code, "cannot be used as it is")


def problems_of(error: ValidationError, model: type[BaseModel] | None = None) -> list[Problem]:
    """What to fix, by field path.

    An unknown field is input, and could be a person's name. So its name is repeated only where it is close to a
    field of `model`; otherwise the fields that are known there are listed, by the schema's names.
    """
    fixes_by_field: dict[str, list[str]] = {}
    for each in error.errors(include_input=False, include_url=False)[:_MOST]:
        path = each["loc"]
        if each["type"] == "extra_forbidden":
            path, fix = _unknown(path, model)
        else:
            fix = _fix(each["type"], each["msg"], each.get("ctx", {}))
        # For a union, the path contains each branch, such as list[constrained-str]. To the sender it is one field.
        field = ".".join(str(part) for part in path if "[" not in str(part)) or "body"
        fixes = fixes_by_field.setdefault(field, [])
        if fix not in fixes:
            fixes.append(fix)
    return [Problem(field=field, fix="; or ".join(fixes)) for field, fixes in fixes_by_field.items()]


_REPEATABLE = re.compile(r"[A-Za-z_]{1,40}", re.ASCII)
_NEAR = 0.8
"""The similarity of `difflib` from which an unknown name counts as a known one misspelt."""


def _unknown(path: tuple[str | int, ...], model: type[BaseModel] | None) -> tuple[tuple[str | int, ...], str]:
    """The path to report for an unknown field, and what to do about it."""
    *within, name = path
    known = names_at(model, within) if model else []
    if isinstance(name, str) and _REPEATABLE.fullmatch(name):
        by_lower = {each.lower().replace("_", ""): each for each in known}
        near = difflib.get_close_matches(name.lower().replace("_", ""), by_lower, 1, _NEAR)
        if near:
            return path, f"is an unknown field: did you mean {by_lower[near[0]]!r}?"
    fix = _FIXES["extra_forbidden"]
    return tuple(within), f"{fix}; known here: {', '.join(known)}" if known else fix


def _fix(kind: str, text: str, context: dict[str, Any]) -> str:
    if kind == "json_invalid":
        return f"is not valid JSON: {_json(text.removeprefix('Invalid JSON: '))}"
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], text)
    if kind.startswith("datetime_"):
        return _TIME
    if kind.startswith("time_"):
        return _TIME_OF_DAY
    if kind.startswith("date_"):
        return _DATE
    words = _FIXES.get(kind)
    return words.format_map(context) if words else text.removeprefix("Value error, ")


def _json(text: str) -> str:
    """The parser's message, with line and column but without input. Reworded where it is about the parser itself."""
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


class _Ambiguous(dict[str, Any]):
    """A JSON object in which some names occur more than once."""

    duplicates: tuple[str, ...] = ()


def lint_raw_json(value: bytes, model: type[Message]) -> list[Problem]:
    """Duplicate names, and NUL, in a JSON text. Empty if it is not JSON, which `model` itself reports.

    `value` must be as it was sent: parsing an envelope first would already lose all but the last of duplicate names.
    """
    any_duplicates = False

    def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal any_duplicates
        whole = dict(pairs)
        if len(whole) == len(pairs):
            return whole
        any_duplicates = True
        counts = Counter(name for name, _ in pairs)
        ambiguous = _Ambiguous(whole)
        ambiguous.duplicates = tuple(name for name, count in counts.items() if count > 1)
        return ambiguous

    try:
        whole = json.loads(value, object_pairs_hook=to_object)
    except (ValueError, RecursionError):
        return []
    if not any_duplicates and b"\\u0000" not in value:
        return []
    known = _names(model)
    problems = ((_field(path, known), fix) for path, fix in _problems(whole, known.__contains__))
    return [Problem(field=field, fix=fix) for field, fix in dict.fromkeys(problems)][:_MOST]


_Path = tuple[str | int, ...]


def _problems(whole: Any, known: Callable[[str], bool]) -> Iterator[tuple[_Path, str]]:
    """Path and fix of each problem. Without recursion, since the sender chooses the depth."""
    waiting: list[tuple[_Path, Any]] = [((), whole)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, _Ambiguous):
            for name in each.duplicates:
                if known(name):
                    yield (*path, name), "is given more than once: give it once"
                else:
                    yield path, "has a field more than once: give each once"
        if isinstance(each, dict):
            if any("\0" in name for name in each):
                yield path, "a field's name contains the character NUL: leave it out"
            waiting += [((*path, name), inner) for name, inner in reversed(each.items())]
        elif isinstance(each, list):
            waiting += [((*path, index), inner) for index, inner in reversed(list(enumerate(each)))]
        elif isinstance(each, str) and "\0" in each:
            yield path, "contains the character NUL: leave it out"


def _field(path: _Path, known: frozenset[str]) -> str:
    """The path, cut off at the first name that is not the schema's; for an envelope, the path within its body."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, str) and part not in known:
            break
        parts.append(str(part))
    if parts[:1] == ["data"]:
        parts = parts[1:]
    return ".".join(parts) or "body"


_ENVELOPE = frozenset(
    {"id", "type", "source", "specversion", "time", "subject", "datacontenttype", "data", "data_base64"}
)


@cache
def _names(model: type[Message]) -> frozenset[str]:
    """The names of all fields in a model and its parts, and of a CloudEvents envelope."""
    schema = schema_of(model)
    parts = [schema, *schema.get("$defs", {}).values()]
    return _ENVELOPE.union(*(part.get("properties", {}) for part in parts))
