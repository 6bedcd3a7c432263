"""CloudEvents 1.0 over Kafka: binary mode is read and written, structured mode is read.

Source: cloudevents/spec, bindings/kafka-protocol-binding.md. The SDK decodes all headers at once and crashes on one
that is not UTF-8. Here each fault is a `MalformedError` that names the field, so that only that record is refused.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

Headers = Iterable[tuple[str, bytes | None]]

_REQUIRED = ("id", "source", "specversion", "type")
_KNOWN = (*_REQUIRED, "time", "subject", "causationid", "correlationid", "traceparent", "bodyhash")
_HEADERS = frozenset({*(f"ce_{name}" for name in _KNOWN), "content-type", "traceparent"})
_MAX_ATTRIBUTE = 1024


class MalformedError(Exception):
    """The record is not a readable CloudEvent. `code` and `field` contain no input, so they may be logged."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__(f"{code}: {field}")
        self.code = code
        self.field = field


class CloudEvent(NamedTuple):
    """One event: its attributes, and its body as JSON that is not yet parsed.

    `bodyhash` is an extension: a keyed hash of the original body, for events whose gate sealed it. The same body is
    never sealed to the same bytes, so only the hash shows that an event is a repetition.
    """

    id: str
    source: str
    type: str
    time: datetime
    data: bytes
    subject: str | None = None
    causationid: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None
    bodyhash: str | None = None


def decode(headers: Headers, value: bytes | None, appended: datetime) -> CloudEvent:
    """The event in a record. `appended`, the broker's time, replaces a missing ``time``. Raises `MalformedError`."""
    attributes: dict[str, str] = {}
    for name, raw in headers:
        key = name.lower()
        if key in _HEADERS:  # other headers belong to the sender, and their names are input
            attributes[key.removeprefix("ce_")] = _text(raw, key)
    if value is None:
        raise MalformedError("no-body", "value")
    content_type = attributes.get("content-type", "")
    if content_type.startswith("application/cloudevents"):
        return _structured(value, attributes.get("traceparent"), appended)
    if content_type and not content_type.startswith("application/json"):
        raise MalformedError("content-type-not-json", "content-type")
    return _event(attributes, value, appended)


def encode(event: CloudEvent) -> list[tuple[str, bytes]]:
    """The headers of an event in binary mode. Its body is the record's value."""
    headers = [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_time", rfc3339(event.time).encode()),
    ]
    for name in ("subject", "causationid", "correlationid", "bodyhash"):
        text = getattr(event, name)
        if text is not None:
            headers.append((f"ce_{name}", text.encode()))
    if event.traceparent is not None:  # under the extension's name, and under the one that OpenTelemetry reads
        headers += [("ce_traceparent", event.traceparent.encode()), ("traceparent", event.traceparent.encode())]
    return headers


@lru_cache(maxsize=16)
def rfc3339(time: datetime) -> str:
    """A time in UTC as RFC 3339 text. Cached, since the journal and all events of a batch have the same time."""
    return time.astimezone(UTC).isoformat()


def _text(raw: bytes | None, field: str) -> str:
    if raw is None:
        raise MalformedError("header-without-value", field)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise MalformedError("header-not-utf-8", field) from None
    if len(text) > _MAX_ATTRIBUTE or "\0" in text:
        raise MalformedError("header-unusable", field)
    return text


def _structured(value: bytes, traceparent: str | None, appended: datetime) -> CloudEvent:
    try:
        envelope: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise MalformedError("body-not-json", "value") from None
    if not isinstance(envelope, dict):
        raise MalformedError("body-not-an-object", "value")
    if "data" not in envelope:
        raise MalformedError("no-body", "data")
    attributes = {} if traceparent is None else {"traceparent": traceparent}
    for name in _KNOWN:
        if envelope.get(name) is not None:
            text = envelope[name]
            if not isinstance(text, str) or len(text) > _MAX_ATTRIBUTE or "\0" in text:
                raise MalformedError("attribute-unusable", name)
            attributes[name] = text
    try:
        data = orjson.dumps(envelope["data"])
    except orjson.JSONEncodeError:  # orjson reads deeper nesting than it writes
        raise MalformedError("body-too-deep", "data") from None
    return _event(attributes, data, appended)


def _event(attributes: dict[str, str], data: bytes, appended: datetime) -> CloudEvent:
    for name in _REQUIRED:
        if not attributes.get(name):
            raise MalformedError("attribute-missing", f"ce_{name}")
    if attributes["specversion"] != "1.0":
        raise MalformedError("specversion-unknown", "ce_specversion")
    return CloudEvent(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        time=_time(attributes["time"]) if "time" in attributes else appended,
        data=data,
        subject=attributes.get("subject"),
        causationid=attributes.get("causationid"),
        correlationid=attributes.get("correlationid"),
        traceparent=attributes.get("traceparent"),
        bodyhash=attributes.get("bodyhash"),
    )


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedError("time-not-rfc-3339", "ce_time") from None
    if time.tzinfo is None:
        raise MalformedError("time-without-zone", "ce_time")
    return time
