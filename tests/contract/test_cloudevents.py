"""The codec, compared with the CloudEvents SDK, and given everything that a stranger can put into a record."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings import kafka as sdk
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.cloudevents import CloudEvent, MalformedError, decode, encode

NOW = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50)
BODY = {"reference": "R-1", "note": "ŻÓŁĆ"}
EVENT = CloudEvent(
    id="id/1",
    source="/agency/a",
    type="org.referral-routing.agency.submitted.v1",
    time=NOW,
    data=orjson.dumps(BODY),
    subject="s",
    causationid="c",
    correlationid="r",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    bodyhash="h",
)


def binary(**changes: bytes | None) -> list[tuple[str, bytes | None]]:
    """The headers of a small event; `content_type` stands for content-type, None leaves one out."""
    headers = {"ce_id": b"1", "ce_source": b"/a", "ce_type": b"t", "ce_specversion": b"1.0", **changes}
    return [(name.replace("content_type", "content-type"), value) for name, value in headers.items()]


# With the SDK -------------------------------------------------------------------------------------------------------


def test_the_sdk_reads_what_we_write() -> None:
    read = sdk.from_binary(sdk.KafkaMessage(dict(encode(EVENT)), None, EVENT.data), JSONFormat())
    assert (read.get_id(), read.get_source(), read.get_type()) == (EVENT.id, EVENT.source, EVENT.type)
    assert (read.get_specversion(), read.get_subject(), read.get_time()) == ("1.0", "s", NOW)
    assert read.get_datacontenttype() == "application/json"
    assert read.get_data() == BODY
    extensions = ("causationid", "correlationid", "traceparent", "bodyhash")
    assert [read.get_extension(name) for name in extensions] == ["c", "r", EVENT.traceparent, "h"]


@given(id_=TEXT, source=TEXT, time=st.datetimes(timezones=st.just(UTC)), body=st.dictionaries(TEXT, TEXT))
def test_we_read_what_the_sdk_writes_in_both_modes(id_: str, source: str, time: datetime, body: dict[str, str]) -> None:
    attributes: dict[str, Any] = {
        "id": id_,
        "source": source,
        "type": "t",
        "time": time,
        "datacontenttype": "application/json",
        "correlationid": "r",
    }
    event = SdkEvent(attributes, body)
    for write in (sdk.to_binary, sdk.to_structured):
        message = write(event, JSONFormat())
        read = decode(list(message.headers.items()), message.value, NOW)
        assert (read.id, read.source, read.type, read.time, read.correlationid) == (id_, source, "t", time, "r")
        assert orjson.loads(read.data) == body


@given(
    id_=TEXT,
    subject=st.none() | TEXT,
    time=st.datetimes(
        datetime(1970, 1, 2),
        datetime(2100, 1, 1),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    ),
)
def test_what_is_written_is_read_back(id_: str, subject: str | None, time: datetime) -> None:
    event = CloudEvent(id_, "/a", "t", time, b"{}", subject=subject)
    assert decode(encode(event), b"{}", NOW) == event


# Both modes ---------------------------------------------------------------------------------------------------------


def test_binary_mode_keeps_the_body_to_the_byte() -> None:
    assert decode(encode(EVENT), b'{ "a":1.0 }', NOW).data == b'{ "a":1.0 }'


def test_header_names_are_read_in_any_case() -> None:
    assert decode([(name.upper(), value) for name, value in encode(EVENT)], EVENT.data, NOW) == EVENT


def test_the_brokers_time_replaces_a_missing_time() -> None:
    assert decode(binary(), b"{}", NOW).time == NOW
    structured = {"id": "1", "source": "/a", "type": "t", "specversion": "1.0", "data": {}}
    assert decode([("content-type", b"application/cloudevents+json")], orjson.dumps(structured), NOW).time == NOW


def test_the_trace_is_read_from_either_header() -> None:
    assert decode([*binary(), ("traceparent", b"00-x")], b"{}", NOW).traceparent == "00-x"
    assert decode(binary(ce_traceparent=b"00-y"), b"{}", NOW).traceparent == "00-y"


def test_other_headers_are_ignored() -> None:
    assert decode([*binary(), ("their-own", b"\xff"), ("another", None)], b"{}", NOW).id == "1"


@pytest.mark.parametrize(
    ("headers", "value", "code", "field"),
    [
        (binary(), None, "no-body", "value"),
        (binary(ce_id=b"\xff"), b"{}", "header-not-utf-8", "ce_id"),
        (binary(ce_subject=None), b"{}", "header-without-value", "ce_subject"),
        (binary(ce_id=b"x" * 1025), b"{}", "header-unusable", "ce_id"),
        (binary(ce_id=b"a\0b"), b"{}", "header-unusable", "ce_id"),
        (binary(content_type=b"text/xml"), b"{}", "content-type-not-json", "content-type"),
        (binary(content_type=b"\xff"), b"{}", "header-not-utf-8", "content-type"),
        ([], b"{}", "attribute-missing", "ce_id"),
        (binary(ce_source=b""), b"{}", "attribute-missing", "ce_source"),
        (binary(ce_specversion=b"0.3"), b"{}", "specversion-unknown", "ce_specversion"),
        (binary(ce_time=b"yesterday"), b"{}", "time-not-rfc-3339", "ce_time"),
        (binary(ce_time=b"2026-03-01T08:00:00"), b"{}", "time-without-zone", "ce_time"),
    ],
)
def test_an_error_in_binary_mode_names_the_field(
    headers: list[tuple[str, bytes | None]], value: bytes | None, code: str, field: str
) -> None:
    with pytest.raises(MalformedError) as caught:
        decode(headers, value, NOW)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        (b"{", "body-not-json", "value"),
        (b"\xff", "body-not-json", "value"),
        (b"[]", "body-not-an-object", "value"),
        (b"{}", "no-body", "data"),
        (b'{"data":{},"id":1}', "attribute-unusable", "id"),
        (b'{"data":{},"id":"' + b"x" * 1025 + b'"}', "attribute-unusable", "id"),
        (b'{"data":{}}', "attribute-missing", "ce_id"),
        (b'{"data":' + b"[" * 400 + b"]" * 400 + b"}", "body-too-deep", "data"),
        (b"[" * 5000, "body-not-json", "value"),
    ],
)
def test_an_error_in_structured_mode_names_the_field(value: bytes, code: str, field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode([("content-type", b"application/cloudevents+json; charset=utf-8")], value, NOW)
    assert (caught.value.code, caught.value.field) == (code, field)


NAMES = st.sampled_from(["ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "CE_ID", "content-type", "ce_"])
VALUES = st.sampled_from([b"1.0", b"application/cloudevents+json", b"application/json", None]) | st.binary(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ENVELOPE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "source", "type", "specversion", "time", "data", "traceparent"), JSON)
).map(lambda envelope: _json(envelope))


def _json(envelope: Any) -> bytes:
    try:
        return orjson.dumps(envelope)
    except TypeError:
        return b"{}"


@given(st.lists(st.tuples(NAMES | st.text(max_size=8), VALUES), max_size=8), st.none() | st.binary() | ENVELOPE)
@example(binary(ce_time=b"0001-01-01T00:00:00+23:59"), b"{}")
def test_decode_raises_nothing_but_malformed(headers: list[tuple[str, bytes | None]], value: bytes | None) -> None:
    for each in (headers, [*headers, ("content-type", b"application/cloudevents+json")], [*headers, *binary()]):
        with contextlib.suppress(MalformedError):
            assert decode(each, value, NOW).type
