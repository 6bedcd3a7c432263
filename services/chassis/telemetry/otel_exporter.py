"""Spans for batches and events, sent by OTLP over HTTP from a thread of their own. Only this file uses OpenTelemetry.

Semantic conventions: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ (a batch span is linked to
its messages). Attributes are types, ids and numbers, never an organisation or a person.
"""

from collections.abc import Mapping, Sequence
from threading import Timer
from time import time_ns

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from contracts.base import PREFIX

from .trace_context import Span, parts_of

_LINKS = 2_000
"""The most records that a batch can have."""
_QUEUE = 20_000
"""Spans waiting to be sent. When it is full, further spans are dropped: no event waits for its trace."""
_STOP_TIMEOUT = 3.0
"""Seconds to send what is left. The SDK itself would try for thirty, longer than supervisors wait for a service."""


class _PresetIds(RandomIdGenerator):
    """Uses the ids that were set for the next span; otherwise random ones."""

    next_trace: int | None = None
    next_span: int | None = None

    def generate_trace_id(self) -> int:
        preset, self.next_trace = self.next_trace, None
        return super().generate_trace_id() if preset is None else preset

    def generate_span_id(self) -> int:
        preset, self.next_span = self.next_span, None
        return super().generate_span_id() if preset is None else preset


class Sender:
    """See `trace_context.Tracing`. Traces a `share` of referrals, which all services choose alike by trace id."""

    def __init__(
        self, service: str, instance: str, url: str, share: float = 1.0, exporter: SpanExporter | None = None
    ) -> None:
        self._service = service
        self._chosen_below = round(share * 2**48)
        self._ids = _PresetIds()
        resource = Resource.create(
            {"service.name": service, "service.namespace": "referral-routing", "service.instance.id": instance}
        )
        self._provider = TracerProvider(
            resource=resource,
            id_generator=self._ids,
            span_limits=SpanLimits(max_links=_LINKS),
            shutdown_on_exit=False,
        )
        self._exporter = exporter or OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._exporter, max_queue_size=_QUEUE, max_export_batch_size=1_000, schedule_delay_millis=500
            )
        )
        self._tracer = self._provider.get_tracer("services.chassis")

    def batch(self, part: str, seconds: float, records: int, spans: Sequence[Span], steps: Mapping[str, float]) -> None:
        """See `Tracing`."""
        chosen = [(span, parts) for span in spans if (parts := parts_of(span.own)) and self._chosen(parts[0])]
        if not chosen:
            return
        end = time_ns()
        start = end - int(seconds * 1e9)
        sources = (parts_of(span.parent) or own for span, own in chosen)
        batch = self._tracer.start_span(
            f"{self._service} {part} batch",
            Context(),
            SpanKind.CONSUMER,
            {
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.batch.message_count": records,
                **{f"referrals.step.{step}_ms": round(took * 1000, 3) for step, took in steps.items()},
            },
            [Link(_context(*each)) for each in sources],
            start,
        )
        link = Link(batch.get_span_context())
        for span, (trace, own) in chosen:
            parent = parts_of(span.parent)
            self._ids.next_span = int(own, 16)
            context = Context()
            if parent is not None and parent[0] == trace:
                context = set_span_in_context(NonRecordingSpan(_context(*parent)), context)
            else:
                self._ids.next_trace = int(trace, 16)
            self._tracer.start_span(
                f"{span.type.removeprefix(PREFIX)} {span.outcome}",
                context,
                SpanKind.CONSUMER,
                {
                    "messaging.system": "kafka",
                    "messaging.operation.type": "process",
                    "messaging.message.id": span.id,
                    "referrals.part": part,
                },
                [link],
                start,
            ).end(end)
        batch.end(end)

    def stop(self) -> None:
        """See `Tracing`."""
        timeout = Timer(_STOP_TIMEOUT, self._exporter.shutdown)
        timeout.daemon = True
        timeout.start()
        self._provider.shutdown()
        timeout.cancel()

    def _chosen(self, trace: str) -> bool:
        return int(trace[20:], 16) < self._chosen_below  # the first part of a UUID is not all random


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
