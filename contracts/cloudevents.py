"""CloudEvents 1.0 over Kafka: binary mode is read and written, structured mode is read.

Source: cloudevents/spec, bindings/kafka-protocol-binding.md and formats/json-format.md. All that they allow is read, as
long as the body is JSON. The SDK decodes all headers at once and crashes on one that is not UTF-8. Here each fault is a
`MalformedError` that names the field, so that only that record is refused.
"""

from base64 import b64decode
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from . import rfc3339

Headers = Iterable[tuple[str, bytes | None]]

_REQUIRED = ("id", "source", "specversion", "type")
_EXTENSIONS = ("causationid", "correlationid", "traceparent", "bodyhash")
_KNOWN = (*_REQUIRED, "time", "subject", *_EXTENSIONS)
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
    content = _content(attributes.get("content-type", ""))
    if content == "structured":
        return _structured(_envelope(value), attributes.get("traceparent"), appended)
    if content != "json":
        raise MalformedError(content, "content-type")
    if attributes.keys().isdisjoint(_REQUIRED) and (envelope := _headless(value)) is not None:
        return _structured(envelope, attributes.get("traceparent"), appended)
    return _event(attributes, value, appended)


def encode(event: CloudEvent) -> list[tuple[str, bytes]]:
    """The headers of an event in binary mode. Its body is the record's value."""
    headers = [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_time", rfc3339.write(event.time).encode()),
    ]
    for name in ("subject", "causationid", "correlationid", "bodyhash"):
        text = getattr(event, name)
        if text is not None:
            headers.append((f"ce_{name}", text.encode()))
    if event.traceparent is not None:  # under the extension's name, and under the one that OpenTelemetry reads
        headers += [("ce_traceparent", event.traceparent.encode()), ("traceparent", event.traceparent.encode())]
    return headers


@lru_cache(maxsize=256)
def _content(content_type: str) -> str:
    """What the value is: "json", "structured", or the code of why it cannot be read. Media types have no case."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        return "batch-not-supported"
    if media_type in ("application/cloudevents", "application/cloudevents+json"):
        return "structured"
    if media_type.startswith("application/cloudevents"):
        return "content-type-not-json"
    subtype = media_type.partition("/")[2]
    return "json" if not media_type or subtype == "json" or subtype.endswith("+json") else "content-type-not-json"


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


def _headless(value: bytes) -> dict[str, Any] | None:
    """The envelope in a value that came without any attribute in a header, or None if there is none.

    Kafka before 0.11 had no headers, so its clients write structured mode without ``content-type``. No body of ours has
    a field ``specversion``, which every envelope must have.
    """
    try:
        envelope: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return envelope if isinstance(envelope, dict) and "specversion" in envelope else None


def _envelope(value: bytes) -> dict[str, Any]:
    try:
        envelope: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise MalformedError("body-not-json", "value") from None
    if not isinstance(envelope, dict):
        raise MalformedError("body-not-an-object", "value")
    return envelope


def _structured(envelope: dict[str, Any], traceparent: str | None, appended: datetime) -> CloudEvent:
    data = _data(envelope)
    attributes = {} if traceparent is None else {"traceparent": traceparent}
    for name in _KNOWN:
        if envelope.get(name) is not None:
            attributes[name] = _attribute(name, envelope[name])
    return _event(attributes, data, appended)


def _attribute(name: str, value: Any) -> str:
    """An attribute as text. The specification lets an extension be a whole number or a Boolean, too."""
    if name in _EXTENSIONS and isinstance(value, int):
        value = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str) or len(value) > _MAX_ATTRIBUTE or "\0" in value:
        raise MalformedError("attribute-unusable", name)
    return value


def _data(envelope: dict[str, Any]) -> bytes:
    """The body in an envelope: as JSON, or as the base64 of JSON text, which an SDK writes if it was given bytes."""
    content_type = envelope.get("datacontenttype") or ""
    if not isinstance(content_type, str) or _content(content_type) != "json":
        raise MalformedError("content-type-not-json", "datacontenttype")
    encoded = envelope.get("data_base64")
    if encoded is None:
        return _json(envelope)
    if envelope.get("data") is not None:
        raise MalformedError("two-bodies", "data_base64")
    try:
        return b64decode(encoded, validate=True)
    except (TypeError, ValueError):
        raise MalformedError("body-not-base64", "data_base64") from None


def _json(envelope: dict[str, Any]) -> bytes:
    if "data" not in envelope:
        raise MalformedError("no-body", "data")
    try:
        return orjson.dumps(envelope["data"])
    except orjson.JSONEncodeError:  # orjson reads deeper nesting than it writes
        raise MalformedError("body-too-deep", "data") from None


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
        return rfc3339.read(text)
    except rfc3339.ZoneMissingError:
        raise MalformedError("time-without-zone", "ce_time") from None
    except ValueError:
        raise MalformedError("time-not-rfc-3339", "ce_time") from None
