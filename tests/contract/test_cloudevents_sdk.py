"""Whatever the specification allows is read, and read as the official SDK reads it, over generated events.

Each event is written as a stranger's client might write it: either mode, with or without headers, any JSON type in any
case, times in every form of RFC 3339, data as JSON or as bytes.
"""

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.bindings import kafka as sdk
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st

from contracts import rfc3339
from contracts.cloudevents import MalformedError, decode

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
BODY = st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.none(), max_size=4)

Headers = list[tuple[str, bytes | None]]


def _any_case(text: str) -> st.SearchStrategy[str]:
    return st.lists(st.booleans(), min_size=len(text), max_size=len(text)).map(
        lambda upper: "".join(c.upper() if up else c for c, up in zip(text, upper, strict=True))
    )


JSON_TYPE = (
    st.sampled_from(["application/json", "text/json", "application/vnd.brest-help+json", "application/ld+json"])
    .flatmap(_any_case)
    .flatmap(lambda text: st.sampled_from(["", ";charset=utf-8", " ; charset=UTF-8; v=1"]).map(text.__add__))
)
STRUCTURED_TYPE = (
    st.just("application/cloudevents+json")
    .flatmap(_any_case)
    .flatmap(lambda text: st.sampled_from(["", ";charset=utf-8", "; charset=UTF-8"]).map(text.__add__))
)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28), timezones=st.just(UTC) | OFFSETS)


@st.composite
def times(draw: st.DrawFn) -> tuple[datetime, str]:
    """A moment, and one of the ways in which RFC 3339 writes it."""
    moment = draw(MOMENTS)
    text = moment.isoformat(timespec=draw(st.sampled_from(["microseconds", "auto"])))
    if text.endswith("+00:00"):
        text = text.removesuffix("+00:00") + draw(st.sampled_from(["Z", "z", "+00:00", "-00:00"]))
    return moment, text.replace("T", draw(st.sampled_from("Tt")))


@dataclass(frozen=True)
class Written:
    """A record as a stranger wrote it, and what must be read from it."""

    headers: Headers
    value: bytes
    attributes: dict[str, str]
    time: datetime | None
    body: dict[str, Any]


@st.composite
def records(draw: st.DrawFn) -> Written:
    body = draw(BODY)
    attributes = {"specversion": "1.0", **{name: draw(TEXT) for name in ("id", "source", "type")}}
    attributes |= draw(st.fixed_dictionaries({}, optional=dict.fromkeys(("subject", "correlationid"), TEXT)))
    time, text = draw(st.none() | times()) or (None, None)
    whole = attributes | ({"time": text} if text else {})
    content_type = draw(st.none() | JSON_TYPE)
    if draw(st.booleans()):
        headers: Headers = [(f"ce_{name}", value.encode()) for name, value in whole.items()]
        headers += [("content-type", content_type.encode())] if content_type else []
        return Written(draw(st.permutations(headers)), json.dumps(body).encode(), attributes, time, body)
    envelope: dict[str, Any] = dict(whole)
    if content_type:
        envelope["datacontenttype"] = content_type
    if draw(st.booleans()):
        envelope["data_base64"] = b64encode(json.dumps(body).encode()).decode()
    else:
        envelope["data"] = body
    envelope["theirown"] = draw(st.booleans() | st.integers(-(2**31), 2**31 - 1) | TEXT)
    head = draw(st.none() | STRUCTURED_TYPE)
    return Written(
        [("content-type", head.encode())] if head else [], json.dumps(envelope).encode(), attributes, time, body
    )


@given(records())
def test_what_the_specification_allows_is_read(written: Written) -> None:
    event = decode(written.headers, written.value, NOW)
    read = {name: getattr(event, name, "1.0") for name in written.attributes}
    assert read == written.attributes
    assert event.time == (written.time or NOW)
    assert json.loads(event.data) == written.body


@given(records())
def test_it_is_read_as_the_sdk_reads_it(written: Written) -> None:
    message = sdk.KafkaMessage({name: value or b"" for name, value in written.headers}, None, written.value)
    theirs = sdk.from_kafka(message, JSONFormat(), SdkEvent)
    ours = decode(written.headers, written.value, NOW)
    assert (theirs.get_id(), theirs.get_source(), theirs.get_type()) == (ours.id, ours.source, ours.type)
    assert (theirs.get_subject(), theirs.get_extension("correlationid")) == (ours.subject, ours.correlationid)
    assert written.time is None or theirs.get_time() == ours.time
    data = theirs.get_data()
    if isinstance(data, str | bytes):  # the SDK leaves bytes as they are, and knows media types in lower case only
        data = json.loads(data)
    assert data == json.loads(ours.data)


# Times --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T15:59:60.250-08:00", datetime(2017, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("1990-07-01t05:29:60+05:30", datetime(1990, 7, 1, tzinfo=UTC)),
        ("2026-03-01 08:00:00.123456789z", datetime(2026, 3, 1, 8, 0, 0, 123_456, tzinfo=UTC)),
        ("1937-01-01T12:00:27.87+00:20", datetime(1937, 1, 1, 11, 40, 27, 870_000, tzinfo=UTC)),
    ],
)
def test_a_time_of_rfc_3339_is_read(text: str, moment: datetime) -> None:
    assert rfc3339.read(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T08:00:60Z",  # a leap second in the middle of a day
        "2016-12-30T23:59:60Z",
        "2016-12-31T23:59:61Z",
        "9999-12-31T23:59:60Z",
        "2026-02-29T08:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T08:00Z",
        "2026-W09-7T08:00:00Z",
        "20260301T080000Z",
        "2026-03-01T08:00:00,5Z",
        "2026-03-01T08:00:00.Z",
        "2026-03-01T08:00:00+05:60",
        "2026-03-01T08:00:00+24:00",
        "2026-03-01",
        "1772352000",
        "٢٠٢٦-03-01T08:00:00Z",
    ],
)
def test_any_other_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="time-not-rfc-3339: ce_time"):
        decode([(f"ce_{name}", b"1.0") for name in ("id", "source", "type", "specversion")]
               + [("ce_time", text.encode())], b"{}", NOW)  # fmt: skip


@given(MOMENTS.filter(lambda moment: 1 < moment.year < 9999))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    assert rfc3339.read(rfc3339.write(moment)) == moment


# Modes --------------------------------------------------------------------------------------------------------------

ENVELOPE = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {"a": 1}}


@pytest.mark.parametrize("content_type", [None, b"application/json", b"APPLICATION/JSON; charset=utf-8", b""])
def test_structured_mode_is_recognised_by_its_content_where_no_attribute_is_in_a_header(
    content_type: bytes | None,
) -> None:
    headers: Headers = [] if content_type is None else [("content-type", content_type)]
    assert decode(headers, json.dumps(ENVELOPE).encode(), NOW).data == b'{"a":1}'


def test_one_attribute_in_a_header_is_enough_for_binary_mode() -> None:
    with pytest.raises(MalformedError, match="attribute-missing: ce_source"):
        decode([("ce_id", b"1")], json.dumps(ENVELOPE).encode(), NOW)


def test_headers_of_binary_mode_may_stand_beside_an_envelope() -> None:
    """Section 3.3.3: the envelope counts."""
    headers: Headers = [("content-type", b"application/cloudevents+json"), ("ce_id", b"2"), ("ce_specversion", b"1.0")]
    assert decode(headers, json.dumps(ENVELOPE).encode(), NOW).id == "1"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (7, "7"), ("r", "r"), (None, None)])
def test_an_extension_may_be_a_number_or_a_boolean(value: object, text: str | None) -> None:
    envelope = json.dumps({**ENVELOPE, "correlationid": value}).encode()
    assert decode([], envelope, NOW).correlationid == text


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        (b"application/cloudevents+avro", "content-type-not-json"),
        (b"Application/CloudEvents-Batch+json", "batch-not-supported"),
        (b"application/xml", "content-type-not-json"),
        (b"application/jsonp", "content-type-not-json"),
        (b"json", "content-type-not-json"),
    ],
)
def test_what_is_not_json_is_refused(content_type: bytes, code: str) -> None:
    with pytest.raises(MalformedError, match=f"^{code}: content-type$"):
        decode([("content-type", content_type)], json.dumps(ENVELOPE).encode(), NOW)
