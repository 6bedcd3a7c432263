"""The only place that touches OpenTelemetry: spans out of batches, sent by OTLP over HTTP from a thread of their own.

Semantic conventions: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ (a batch span is linked to
its messages). Attributes are types, ids and numbers; no organisation, no person.
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
"""As many as a batch has records at most."""
_QUEUE = 20_000
"""Spans that wait to be sent. What comes when it is full is dropped: no event waits for its trace."""
_LAST_WORDS = 3.0
"""Seconds to send what is left. The SDK itself would try for thirty, and be killed by who waits for the service."""


class _Ids(RandomIdGenerator):
    """Ids as they were given for the next span, else random ones."""

    trace: int | None = None
    span: int | None = None

    def generate_trace_id(self) -> int:
        given, self.trace = self.trace, None
        return super().generate_trace_id() if given is None else given

    def generate_span_id(self) -> int:
        given, self.span = self.span, None
        return super().generate_span_id() if given is None else given


class Sender:
    """See `tracing.Tracing`. Of a `share` of referrals, chosen by their trace ids, alike in all services."""

    def __init__(
        self, service: str, instance: str, url: str, share: float = 1.0, exporter: SpanExporter | None = None
    ) -> None:
        self._service = service
        self._below = round(share * 2**48)
        self._ids = _Ids()
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
        sources = (parts_of(span.came_with) or own for span, own in chosen)
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
            before = parts_of(span.came_with)
            self._ids.span = int(own, 16)
            context = Context()
            if before is not None and before[0] == trace:
                context = set_span_in_context(NonRecordingSpan(_context(*before)), context)
            else:
                self._ids.trace = int(trace, 16)
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
        enough = Timer(_LAST_WORDS, self._exporter.shutdown)
        enough.daemon = True
        enough.start()
        self._provider.shutdown()
        enough.cancel()

    def _chosen(self, trace: str) -> bool:
        return int(trace[20:], 16) < self._below  # a UUID: what stands before is not all random


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
