"""Traces: one for each referral through all hops, batches linked to their messages, and nothing when turned off."""

import subprocess
import sys
from collections.abc import Sequence
from time import monotonic

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from services.chassis.settings import ChassisSettings
from services.chassis.telemetry.connect import connect
from services.chassis.telemetry.otel_exporter import Sender
from services.chassis.telemetry.trace_context import Span, parts_of, traceparent
from tests.support import counter
from tests.support.counter import Add
from tests.support.memory_twins import drain
from tests.support.rig import OPERATOR_PUBLIC, Rig
from tests.unit.chassis.ingress.test_gate import GateRig, Wish

REFERRAL = "5f1c2b7e-0d3a-5e8c-9b41-7a6d2e90c3f4"


class Kept(SpanExporter):
    """Keeps the spans that would have been sent."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


class Traced:
    """A sender, and the spans it has sent once stopped."""

    def __init__(self, share: float = 1.0) -> None:
        self._kept = Kept()
        self.sender = Sender(counter.SERVICE, "0", "http://nowhere", share, self._kept)

    def spans(self) -> list[ReadableSpan]:
        self.sender.stop()
        return self._kept.spans


def ids(span: ReadableSpan) -> tuple[str, str]:
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def parent(span: ReadableSpan) -> str | None:
    return span.parent and f"{span.parent.span_id:016x}"


def links(span: ReadableSpan) -> list[tuple[str, str]]:
    return [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in span.links]


def published_traces(rig: Rig) -> list[tuple[str, str] | None]:
    return [parts_of(each.event.traceparent) for each in rig.seen()]


async def test_an_event_is_a_span_between_the_event_it_came_from_and_those_that_follow() -> None:
    rig, traced = Rig(), Traced()
    came = [traceparent(REFERRAL, "11111111-1111-1111"), traceparent(REFERRAL[::-1], "22222222-2222-2222")]
    for name, before in zip(("a", "b"), came, strict=True):
        rig.send(Add(counter=name), traceparent=before)
    await drain(rig.loop(tracing=traced.sender), rig.group.join())
    batch, *events = sorted(traced.spans(), key=lambda span: "batch" not in span.name)
    assert batch.name == "counter loop batch"
    assert sorted(links(batch)) == sorted(filter(None, map(parts_of, came))), "the batch is linked to its messages"
    assert len(events) == 2
    for span in events:
        assert span.name == f"{Add.TYPE} decided"
        assert links(span) == [ids(batch)], "and they are linked to the batch"
        assert (ids(span)[0], parent(span)) in [parts_of(before) for before in came]
        assert batch.start_time == span.start_time
        assert batch.end_time is not None
    assert sorted(map(ids, events)) == sorted(filter(None, published_traces(rig))), (
        "what follows has that span as its parent"
    )


async def test_an_event_without_a_trace_has_the_trace_of_its_key() -> None:
    rig, traced = Rig(), Traced()
    rig.send(Add(counter="a"), key=REFERRAL)
    rig.send(Add(counter="b"), key=REFERRAL, traceparent="00-zz-zz-01")
    await drain(rig.loop(tracing=traced.sender), rig.group.join())
    events = [span for span in traced.spans() if "batch" not in span.name]
    assert [(ids(span)[0], parent(span)) for span in events] == [(REFERRAL.replace("-", ""), None)] * 2
    assert len({ids(span)[1] for span in events}) == 2


async def test_an_event_redelivered_after_a_crash_has_the_same_span() -> None:
    rig, traced = Rig(), Traced()
    rig.send(Add(counter="a"), traceparent=traceparent(REFERRAL, "1" * 16))
    await rig.die(rig.group.join(), "stored", tracing=traced.sender)
    await drain(rig.loop(tracing=traced.sender), rig.group.join())
    (span,) = [span for span in traced.spans() if "batch" not in span.name]
    assert {ids(span)} == set(published_traces(rig))


async def test_an_event_sent_twice_is_one_span() -> None:
    rig, traced = Rig(), Traced()
    loop, consumer = rig.loop(tracing=traced.sender), rig.group.join()
    for _ in range(2):
        rig.send(Add(counter="a"), id_="x", traceparent=traceparent(REFERRAL, "1" * 16))
        await drain(loop, consumer)
    assert len([span for span in traced.spans() if "batch" not in span.name]) == 1


@pytest.mark.parametrize(("share", "spans"), [(1.0, 30), (0.0, 0), (0.5, None)])
async def test_a_share_of_referrals_is_traced_and_all_events_are_published(share: float, spans: int | None) -> None:
    rig, traced = Rig(), Traced(share)
    for number in range(30):
        rig.send(Add(counter=f"c{number}"))
    await drain(rig.loop(tracing=traced.sender), rig.group.join())
    traced_events = len([span for span in traced.spans() if "batch" not in span.name])
    assert traced_events == spans if spans is not None else 5 < traced_events < 25
    assert len(rig.seen()) == 30


async def test_a_gate_starts_the_trace_and_ignores_a_tenants() -> None:
    rig, traced = GateRig(), Traced()
    rig.gate._reporter.tracing = traced.sender
    rig.send(Wish(reference="x", many=2), traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    rig.send(Wish(reference="y", many=14), id_="w2")
    passed = await rig.run()
    batch, *events = sorted(traced.spans(), key=lambda span: "batch" not in span.name)
    assert sorted(map(ids, events)) == sorted(filter(None, (parts_of(each.event.traceparent) for each in passed)))
    assert {parent(span) for span in events} == {None}
    assert sorted(span.name for span in events) == [f"{Wish.TYPE} admitted"] * 2 + [f"{Wish.TYPE} refused"]
    assert len(links(batch)) == 3
    assert "a" * 32 not in {ids(span)[0] for span in events}


async def test_without_tracing_the_header_is_passed_on() -> None:
    rig, before = Rig(), traceparent(REFERRAL, "1" * 16)
    rig.send(Add(counter="a"), traceparent=before)
    await drain(rig.loop(), rig.group.join())
    assert [each.event.traceparent for each in rig.seen()] == [before]


def test_a_service_without_tracing_imports_no_sdk() -> None:
    sdk = "[name for name in sys.modules if name.startswith('opentelemetry.sdk')]"
    script = f"import sys, tests.support.counter_process; print({sdk})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_traces_are_sent_only_if_the_settings_name_a_collector() -> None:
    assert connect("toy", ChassisSettings(operator_key=OPERATOR_PUBLIC)) is None
    tracing = connect("toy", ChassisSettings(operator_key=OPERATOR_PUBLIC, traces="http://127.0.0.1:1"))
    assert isinstance(tracing, Sender)
    tracing.stop()


def test_an_unreachable_collector_neither_fails_a_batch_nor_delays_the_stop() -> None:
    sender = Sender("toy", "0", "http://127.0.0.1:1")
    spans = [Span(traceparent(REFERRAL, f"{n:016x}"), None, Add.ce_type(), "e", "decided") for n in range(1, 2501)]
    sender.batch("loop", 0.1, len(spans), spans, {"load": 0.1})
    started = monotonic()
    sender.stop()
    assert monotonic() - started < 12


@pytest.mark.parametrize("key", [REFERRAL, "brest-shelter", "", "0" * 32, "ä"])
def test_every_key_has_one_trace(key: str) -> None:
    first, second = (parts_of(traceparent(key, f"{n}" * 16)) for n in (1, 2))
    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize("text", [None, "", "00-x", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'0' * 16}-01"])
def test_an_invalid_traceparent_has_no_parts(text: str | None) -> None:
    assert parts_of(text) is None
