"""Everything a sender can get wrong, as records, with the refusal expected and whether it becomes a dead letter.

Every text that a sender can choose contains `CANARY`, which must not appear in a refusal.
"""

import copy
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from contracts.base import PREFIX

CANARY = "Zq7XwMaria"

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Bad:
    """One record that is refused. The refusal is about `field`, and its text contains `fix`."""

    name: str
    value: bytes | None
    headers: Headers
    field: str
    fix: str
    dead_letter: tuple[str, str] | None = None
    """Reason and field of its dead letter; None if it is only refused."""


def headers(kind: str, id_: str, **changes: bytes | None) -> Headers:
    """The headers of an event of this type. A header with the value ``b""`` is left out."""
    whole: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": id_.encode(),
        "ce_source": b"/tests",
        "ce_type": (PREFIX + kind).encode(),
        **{name.replace("content_type", "content-type"): value for name, value in changes.items()},
    }
    return [(name, value) for name, value in whole.items() if value != b""]


def of_any(kind: str, good: dict[str, Any], text: str) -> Iterator[Bad]:
    """What can be wrong with any event. `text` is the path of a field in it that may contain any text."""
    plain = json.dumps(good).encode()

    def bad(name: str, value: bytes | None, field: str, fix: str, reason: str = "", **changes: bytes | None) -> Bad:
        dead_letter = (reason, field) if reason else None
        return Bad(name, value, headers(kind, f"{CANARY}-{name}", **changes), field, fix, dead_letter)

    def broken(name: str, value: bytes, fix: str) -> Bad:
        head = headers(kind, f"{CANARY}-{name}")
        return Bad(name, value, head, "body", f"is not valid JSON: {fix}", ("body-not-json", "value"))

    yield bad("no value", None, "value", "send the event as a JSON object", "no-body")
    yield broken("empty value", b"", "it is empty")
    yield broken("cut off", plain[: len(plain) // 2], "")
    yield broken("a byte order mark", b"\xef\xbb\xbf" + plain, "expected value")
    yield broken("UTF-16", plain.decode().encode("utf-16"), "expected value")
    yield broken("not UTF-8", _with(good, text, "@@").replace(b"@@", b"\xff\xfe"), "it is not UTF-8")
    yield broken("a lone surrogate", _with(good, text, "@@").replace(b"@@", rb"\ud800"), "a \\u escape is half")
    yield broken("a lone surrogate within text", _with(good, text, "@@").replace(b"@@", rb"\udc00 x"), "")
    yield broken("deep objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "it is nested too deeply")
    yield broken("deep lists", b"[" * 10_000 + b"]" * 10_000, "it is nested too deeply")
    yield broken("a number of 5000 digits", plain[:-1] + b', "x": ' + b"9" * 5000 + b"}", "a number has too many")
    yield broken("a comment", plain[:-1] + b"/* x */}", "")
    yield bad("a list", b"[]", "body", "must be an object")
    yield bad("null", b"null", "body", "must be an object")
    yield bad("text", json.dumps(CANARY).encode(), "body", "must be an object")
    yield bad("NUL in a text", _with(good, text, f"{CANARY}\0"), text, "contains the character NUL")
    yield bad("NUL in a name", plain[:-1] + b', "\\u0000": 1}', "body", "name contains the character NUL")
    yield bad("an unknown field", json.dumps({**good, CANARY: 1}).encode(), "body", "remove the unknown field")
    field = text.split(".")[0]
    yield bad("a field twice", plain[:-1] + f', "{field}": null}}'.encode(), field, "is given more than once")
    twice = f', "{CANARY}": {{"{CANARY}": 1, "{CANARY}": 2}}}}'.encode()
    yield bad("an unknown field twice", plain[:-1] + twice, "body", "has a field more than once")
    yield bad("too large", _with(good, text, CANARY * 30_000), "value", "is larger than 256 KiB", "too-large")
    yield bad("no id", plain, "ce_id", "is needed", "attribute-missing", ce_id=b"")
    yield bad("no type", plain, "ce_type", "is needed", "attribute-missing", ce_type=b"")
    yield bad("id None", plain, "ce_id", "has no value", "header-without-value", ce_id=None)
    yield bad("id not UTF-8", plain, "ce_id", "must be UTF-8", "header-not-utf-8", ce_id=b"\xff" + CANARY.encode())
    yield bad("id with NUL", plain, "ce_id", "without NUL", "header-unusable", ce_id=b"a\0b")
    yield bad("id too long", plain, "ce_id", "at most 1024", "header-unusable", ce_id=CANARY.encode() * 200)
    yield Bad("no headers at all", plain, [], "ce_id", "is needed", ("attribute-missing", "ce_id"))
    yield bad("specversion", plain, "ce_specversion", "must be 1.0", "specversion-unknown", ce_specversion=b"0.3")
    yield bad("a time", plain, "ce_time", "must be a date and time", "time-not-rfc-3339", ce_time=CANARY.encode())
    yield bad("no zone", plain, "ce_time", "a time zone", "time-without-zone", ce_time=b"2026-01-01T00:00:00")
    yield bad(
        "XML", plain, "content-type", "must be application/json", "content-type-not-json", content_type=b"text/xml"
    )
    yield bad(
        "a batch", plain, "content-type", "not be a batch", "batch-not-supported",
        content_type=b"Application/CloudEvents-Batch+JSON",
    )  # fmt: skip
    unknown = (PREFIX + kind.replace("v1", "v2")).encode()
    yield bad("version 2", plain, "ce_type", f"accepted event type: {PREFIX}", "type-unknown", ce_type=unknown)
    yield bad("an unknown type", plain, "ce_type", "accepted event type", "type-unknown", ce_type=CANARY.encode())
    yield from _structured(kind, good, text)


def _structured(kind: str, good: dict[str, Any], text: str) -> Iterator[Bad]:
    """The same errors in CloudEvents' structured mode."""
    head: Headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]

    def whole(name: str, **changes: Any) -> bytes:
        attributes = {"specversion": "1.0", "id": f"{CANARY}-s-{name}", "source": "/tests", "type": PREFIX + kind}
        return json.dumps({**attributes, "data": good, **changes}).encode()

    def bad(name: str, value: bytes, field: str, fix: str, reason: str = "") -> Bad:
        return Bad(f"structured: {name}", value, head, field, fix, (reason, field) if reason else None)

    yield bad("cut off", whole("cut")[:-9], "value", "is not valid JSON", "body-not-json")
    yield bad("NaN", whole("nan", data={"x": float("nan")}), "value", "NaN", "body-not-json")
    yield bad("a lone surrogate", whole("sur", data={"x": "\ud800"}), "value", "lone surrogates", "body-not-json")
    yield bad(
        "deep", whole("deep", data=1)[:-2] + b"[" * 600 + b"]" * 600 + b"}", "data", "too deeply", "body-too-deep"
    )
    yield bad("a list", b"[]", "value", "must be one JSON object", "body-not-an-object")
    yield bad("no data", b'{"id": "1"}', "data", "there is no body", "no-body")
    yield bad("a number for id", whole("id", id=1), "id", "must be text", "attribute-unusable")
    yield bad("NUL in its id", whole("nul", id="a\0b"), "id", "without NUL", "attribute-unusable")
    yield bad("no id", whole("none", id=None), "ce_id", "is needed", "attribute-missing")
    yield bad("version 2", whole("v2", type=PREFIX + "x.v2"), "ce_type", "accepted event type", "type-unknown")
    yield bad("an unknown field", whole("typo", data={**good, CANARY: 1}), "body", "remove the unknown field")
    field = text.split(".")[0]
    twice = json.dumps(good)[:-1] + f', "{field}": null}}'
    value = whole("twice", data="@@").replace(b'"@@"', twice.encode())
    yield bad("a field twice", value, field, "is given more than once")
    yield bad("data twice", whole("data")[:-1] + b', "data": {}}', "body", "is given more than once")
    yield bad("two bodies", whole("two", data_base64="e30="), "data_base64", "must not stand beside data", "two-bodies")
    yield bad("no base64", whole("64", data=None, data_base64=CANARY), "data_base64", "base64 of", "body-not-base64")
    yield bad("XML", whole("xml", datacontenttype="text/xml"), "datacontenttype", "JSON type", "content-type-not-json")

    def encoded(name: str, body: bytes) -> bytes:
        return whole(name, data=None, data_base64=b64encode(body).decode())

    broken = bad("base64 of no JSON", encoded("64-no", b"{"), "body", "is not valid JSON")
    yield replace(broken, dead_letter=("body-not-json", "value"))
    yield bad("a field twice in base64", encoded("64-twice", twice.encode()), field, "is given more than once")
    headless = whole("headless", id=None)
    yield Bad("structured: no headers, no id", headless, [], "ce_id", "is needed", ("attribute-missing", "ce_id"))


def of_referral(good: dict[str, Any], someone_else: str = "somebody-else") -> Iterator[Bad]:
    """What can be wrong with a referral. `good` is a valid one with a birth date and one need, without coordinates."""
    yield from of_any("agency.submitted.v1", good, "person.name")

    def bad(name: str, path: str, value: Any, fix: str, field: str = "") -> Bad:
        head = headers("agency.submitted.v1", f"{CANARY}-r-{name}")
        return Bad(name, _with(good, path, value), head, field or path, fix)

    yield bad("another agency", "agency", someone_else, "must be your own id")
    yield bad("no category", "needs.0.category", _GONE, "is needed")
    yield bad("an unknown category", "needs.0.category", CANARY, "must be 'shelter', ")
    yield bad("an unknown urgency", "needs.0.urgency", CANARY, "must be 'emergency', 'urgent' or 'normal'")
    yield bad("no needs", "needs", [], "needs at least 1")
    yield bad("needs no list", "needs", {CANARY: 1}, "must be a list")
    yield bad("too many needs", "needs", good["needs"] * 21, "takes at most 20")
    yield bad("one label twice", "needs", good["needs"] * 2, "a label of its own", "body")
    yield bad("born in the future", "person.birth_date", "2099-01-01", "can not be in the future")
    yield bad("born long ago", "person.birth_date", "1801-10-12", "nobody is that old")
    yield bad("a date in other words", "person.birth_date", f"31.12.1988 {CANARY}", "such as 1988-02-29")
    yield bad("no name", "person.name", _GONE, "give a name or a case_code", "person")
    yield bad("a long name", "person.name", CANARY * 21, "takes at most 200 characters")
    yield bad("a number for a name", "person.name", 4711, "must be text")
    yield bad("a person in words", "person", CANARY, "must be an object")
    yield bad("an unknown sex", "person.sex", CANARY, "must be ")
    yield bad("no language", "person.languages", [], "needs at least 1")
    yield bad("a language in words", "person.languages.0", CANARY, "lower-case ISO 639 language code")
    yield bad("a child alone", "person.birth_date", "2025-01-01", "is needed under 18", "person.caregiver")
    yield bad("an unknown field within", f"person.{CANARY}", 1, "remove the unknown field", "person")
    yield bad("a reference in words", "reference", f"{CANARY} 1", "1 to 64 of the characters")
    yield bad("no reference", "reference", _GONE, "is needed")
    yield bad("a region in words", "location.admin1", CANARY, "such as BY-BR")
    yield bad("half a place", "location.latitude", 52.1, "or neither", "location")
    yield bad("NaN", "location.latitude", float("nan"), "finite number, not NaN or Infinity")
    yield bad("Infinity", "household_size", float("inf"), "finite number, not NaN or Infinity")
    yield bad("a huge number", "household_size", 10**400, "must be a finite number")
    yield bad("a large number", "household_size", 10**9, "must be at most 30")
    yield bad("a household of none", "household_size", 0, "must be at least 1")
    yield bad("half a person", "household_size", 1.5, "must be a whole number")
    son = {"member": "c1", "age_band": "5-11", "sex": "male"}
    yield bad("a member's name for a label", "household", [{**son, "member": f"{CANARY} x"}], "1 to 64 of the",
              "household.0.member")  # fmt: skip
    yield bad("a member twice", "household", [son, son], "each member of the household has a label", "body")
    yield bad("a member of no age", "household", [{"member": "c1", "sex": "male"}], "give either", "household.0")
    yield bad("a member's contact", "household", [{**son, "contact": {}}], "remove the unknown", "household.0")
    yield bad("a member born in the future", "household", [{"member": "c1", "sex": "male", "birth_date": "2099-01-01"}],
              "can not be in the future", "household.0.birth_date")  # fmt: skip
    yield bad("nobody of the household", "needs.0.members", [CANARY], "by the labels in household", "body")
    yield bad("apart and several", "needs.0", {**good["needs"][0], "members": ["a", "b"], "together": False},
              "name one member in each")  # fmt: skip
    yield bad("no consent", "consent", _GONE, "is needed")
    yield bad("no grants", "consent.grants", [], "needs at least 1")
    yield bad("a typo in consent", "consent.grants.0.recipient", ["a"], "did you mean 'recipients'?",
              "consent.grants.0.recipient")  # fmt: skip
    yield bad("recipients in words", "consent.grants.0.recipients", CANARY, "must be 'any'; or must be a list")
    yield bad("consent without zone", "consent.given_at", "2026-01-01T00:00:00", "needs a time zone")
    yield bad("consent in words", "consent.given_at", CANARY, "must be a date and time with zone")
    yield bad("maybe", "person.contact.may_contact", CANARY, "must be true or false")
    loose = ("46350", "1767225600", "2026-03-01", "2026-03-01T08:00Z", "2026-03-01 08:00:00Z")
    for number in (0, 46350, 1767225600000, *loose):
        yield bad(f"consent given at {number!r}", "consent.given_at", number, "must be a date and time with zone")
    for end in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+03:00", "2026-02-30T00:00:00Z"):
        yield bad(f"consent given at {end}", "consent.given_at", end, "must be a date and time with zone")
    yield bad("consent given tomorrow week", "consent.given_at", "2099-01-01T00:00:00Z", "is in the future")
    for number in (0, 32874, "0", "32874", "1988-2-29", "1988-02-30", "1988-02-29T00:00:00Z"):
        yield bad(f"born on {number!r}", "person.birth_date", number, "must be a date, such as 1988-02-29")
    for text in ("1", "1.0", True):
        yield bad(f"a household of {text!r}", "household_size", text, "must be a number")
    for text in ("true", "false", "yes", 0, 1):
        yield bad(f"may contact {text!r}", "person.contact.may_contact", text, "must be true or false")
    yield bad("a distance as text", "needs.0.constraints", {"max_distance_km": "5"}, "must be a number",
              "needs.0.constraints.max_distance_km")  # fmt: skip
    plain = json.dumps(good)
    for name in ("consent", "needs"):
        again = f'{plain[:-1]}, "{name}": {json.dumps(good[name])}}}'.encode()
        head = headers("agency.submitted.v1", f"{CANARY}-r-{name}-twice")
        yield Bad(f"{name} twice", again, head, name, "is given more than once")
    within = plain.replace('"recipients"', '"fields": [], "recipients"').encode()
    head = headers("agency.submitted.v1", f"{CANARY}-r-within-twice")
    yield Bad("fields twice", within, head, "consent.grants.0.fields", "is given more than once")


def of_recommendation(good: dict[str, Any], someone_else: str = "somebody-else") -> Iterator[Bad]:
    """What can be wrong with a recommendation request, which must not identify anyone. `good` is a valid one."""
    kind = "agency.recommendation-requested.v1"
    yield from of_any(kind, good, "reference")

    def bad(name: str, path: str, value: Any, fix: str, field: str = "") -> Bad:
        return Bad(name, _with(good, path, value), headers(kind, f"{CANARY}-q-{name}"), field or path, fix)

    yield bad("another agency", "agency", someone_else, "must be your own id")
    yield bad("a name", "person.name", CANARY, "remove the unknown field", "person")
    yield bad("a contact", "person.contact", {"phone": CANARY}, "remove the unknown field", "person")
    yield bad("a birth date", "person.birth_date", "1988-02-03", "remove the unknown field", "person")
    yield bad("coordinates", "location.latitude", 52.1, "remove the unknown field", "location")
    yield bad("a place", "location.place", CANARY, "remove the unknown field", "location")
    yield bad("a note", "needs.0.note", CANARY, "remove the unknown field", "needs.0")
    yield bad("a distance", "needs.0.constraints", {"max_distance_km": 3}, "by region, not by distance", "needs.0")
    yield bad("a distance in words", "needs.0.constraints", {"max_distance_km": CANARY}, "must be a number",
              "needs.0.constraints.max_distance_km")  # fmt: skip
    yield bad("no age", "person.age_band", _GONE, "is needed")
    yield bad("no needs", "needs", [], "needs at least 1")
    yield bad("one label twice", "needs", good["needs"] * 2, "a label of its own", "body")
    yield bad("no recipients", "recipients", [], "needs at least 1")
    yield bad("an unknown category", "needs.0.category", CANARY, "must be 'shelter', ")
    yield bad("a region in words", "location.admin1", CANARY, "such as BY-BR")
    yield bad("no reference", "reference", _GONE, "is needed")


def of_others(kinds: tuple[str, ...] = ("withdrawn", "corrected", "status-requested")) -> Iterator[Bad]:
    """What can be wrong with the reference in an agency's other events."""
    for kind in kinds:
        head = headers(f"agency.{kind}.v1", f"{CANARY}-{kind}")
        yield Bad(f"{kind} in words", json.dumps({"reference": CANARY * 9}).encode(), head, "reference", "1 to 64")


def of_answer(good: dict[str, Any], someone_else: str = "somebody-else") -> Iterator[Bad]:
    """What can be wrong with a provider's answer. `good` is a valid acceptance with a note."""
    yield from of_any("provider.answered.v1", good, "note")

    def bad(name: str, changes: dict[str, Any], field: str, fix: str) -> Bad:
        head = headers("provider.answered.v1", f"{CANARY}-a-{name}")
        return Bad(name, json.dumps({**good, **changes}).encode(), head, field, fix)

    yield bad("another provider", {"provider": someone_else}, "provider", "must be your own id")
    yield bad("an unknown answer", {"answer": CANARY}, "answer", "must be 'acknowledged', ")
    yield bad("no code", {"answer": "declined"}, "body", "code is needed with declined")
    yield bad("the other code", {"answer": "declined", "code": "no-show"}, "body", "code is needed with declined")
    yield bad("an unknown code", {"answer": "declined", "code": CANARY}, "code", "'no-capacity'")
    yield bad("a code for yes", {"code": "other"}, "body", "code goes with declined")
    when = "2026-03-02T09:00:00Z"
    yield bad("no time for an appointment", {"answer": "appointment-proposed"}, "body", "appointment_at is needed with")
    yield bad("a time for nothing", {"appointment_at": when}, "body", "goes with appointment-proposed")
    yield bad("a time in words", {"appointment_at": CANARY}, "appointment_at", "must be a date and time with zone")
    proposed = {"answer": "appointment-proposed"}
    for end in (46360.375, 0, "46360", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+03:00", "1999-01-01T09:00:00Z"):
        yield bad(f"an appointment at {end}", {**proposed, "appointment_at": end}, "appointment_at",
                  "must be a date and time with zone")  # fmt: skip
    for year, fix in ((2010, "is more than a year ago"), (2098, "is more than 5 years ahead")):
        yield bad(f"an appointment in {year}", {**proposed, "appointment_at": f"{year}-01-01T09:00:00Z"},
                  "appointment_at", fix)  # fmt: skip
    yield bad("an attempt as text", {"attempt": "1"}, "attempt", "must be a number")
    yield bad("an id in words", {"referral_id": CANARY}, "referral_id", "from the offer")
    yield bad("attempt 0", {"attempt": 0}, "attempt", "must be at least 1")
    yield bad("a huge attempt", {"attempt": 10**400}, "attempt", "must be a finite number")
    yield bad("a large attempt", {"attempt": 10**9}, "attempt", "must be at most 1000")
    yield bad("NaN", {"attempt": float("nan")}, "attempt", "finite number, not NaN or Infinity")
    yield bad("a long note", {"note": CANARY * 300}, "note", "takes at most 2000 characters")
    yield bad("a number for a note", {"note": 1}, "note", "must be text")


def of_entry(good: dict[str, Any]) -> Iterator[Bad]:
    """What can be wrong with a service in a provider's directory. `good` is a valid one."""
    valid_on_compacted = ("no value",)  # it deletes the entry
    yield from (each for each in of_any("provider.service.v1", good, "name") if each.name not in valid_on_compacted)

    def bad(name: str, changes: dict[str, Any], field: str, fix: str) -> Bad:
        head = headers("provider.service.v1", f"{CANARY}-e-{name}")
        return Bad(name, json.dumps({**good, **changes}).encode(), head, field, fix)

    yield bad("no category", {"categories": []}, "categories", "needs at least 1")
    yield bad("an unknown category", {"categories": [CANARY]}, "categories.0", "must be 'shelter', ")
    yield bad("less than no place", {"capacity": -1}, "capacity", "must be at least 0")
    yield bad("a huge capacity", {"capacity": 10**400}, "capacity", "must be a finite number")
    yield bad("a large capacity", {"capacity": 10**9}, "capacity", "must be at most 100000")
    for day in (0, 46350, "0", "9999-12-31", "0001-01-01"):
        yield bad(f"valid to {day!r}", {"valid_to": day}, "valid_to", "must be a date, such as")
    yield bad("a quota until the end of the century", {"quota_until": "2099-12-31"}, "quota_until", "more than 5 years")
    ahead = {"capacity_updated": "2098-01-01T00:00:00Z"}
    yield bad("confirmed in the future", ahead, "capacity_updated", "in the future")
    yield bad("places as text", {"capacity": "3"}, "capacity", "must be a number")
    yield bad("text for a boolean", {"step_free": "false"}, "step_free", "must be true or false")
    yield bad("another key", {"service": "another"}, "key", "the record key must be")
    yield bad("a radius around nothing", {"radius_km": 5}, "body", "give latitude and longitude")
    hours = {"days": ["MO"], "opens_at": "09:00", "closes_at": "17:00"}

    def opens(name: str, changes: dict[str, Any], field: str, fix: str, **schedule: Any) -> Bad:
        whole = {"timezone": "Europe/Minsk", "openings": [{**hours, **changes}], **schedule}
        return bad(name, {"schedule": whole}, f"schedule{field}", fix)

    yield opens("a day in words", {"days": [CANARY]}, ".openings.0.days.0", "must be 'MO', ")
    yield opens("never a day", {"days": []}, ".openings.0.days", "needs at least 1")
    yield opens("13:00pm", {"opens_at": "13:00pm"}, ".openings.0.opens_at", "must be hours and minutes such as 09:30")
    yield opens("an hour with a zone", {"closes_at": "17:00Z"}, ".openings.0.closes_at", "must be hours and minutes")
    yield opens("opening in seconds", {"opens_at": 34200}, ".openings.0.opens_at", "must be hours and minutes")
    yield opens("a holiday in 1900", {}, ".closed_on.0", "is more than 50 years ago", closed_on=["1900-01-01"])
    yield opens("a zone in words", {}, "", "timezone must be an IANA name", timezone=CANARY)
    yield opens("a zone that is a path", {}, "", "timezone must be an IANA name", timezone="../../etc/passwd")
    yield opens("a zone that is a folder", {}, "", "timezone must be an IANA name", timezone="Europe")
    yield opens("a holiday in words", {}, ".closed_on.0", "must be a date", closed_on=[CANARY])
    yield opens("never open", {}, ".openings", "needs at least 1", openings=[])
    yield bad("an end before the start", {"valid_from": "2027-01-02", "valid_to": "2027-01-01"}, "body", "is after")


_GONE = object()


def _with(good: dict[str, Any], path: str, value: Any) -> bytes:
    """The body with one value changed or removed."""
    whole: Any = copy.deepcopy(good)
    *parents, last = path.split(".")
    parent = whole
    for step in parents:
        parent = parent[int(step)] if step.isdigit() else parent[step]
    key: Any = int(last) if last.isdigit() else last
    if value is _GONE:
        del parent[key]
    else:
        parent[key] = value
    return json.dumps(whole).encode()
