"""A referral through four services is one trace, and each batch has a span that is linked to the events in it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contracts.topics import SERVICES
from contracts.words import Answer
from deploy.local.stack import Addresses

from .actors import create_internal_topics, eventually, people, running


class Collector:
    """Takes spans over HTTP, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: dict[str, tuple[str, Any]] = {}
        """The service and the span, by the span's id."""
        self.bodies: list[bytes] = []

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans[span.span_id.hex()] = (names["service.name"], span)

    def spans_of(self, trace: str) -> dict[str, tuple[str, Any]]:
        """The spans of one trace, by id."""
        return {id_: each for id_, each in dict(self.spans).items() if each[1].trace_id.hex() == trace}


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector and its address."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                raise AssertionError("a body is compressed, which no setting asks for")
            collector.take(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


async def test_a_referral_is_one_trace_through_all_services_with_linked_batches(
    servers: Addresses, tmp_path: Path
) -> None:
    await create_internal_topics(servers)
    with collecting() as (collector, url), running(servers, tmp_path, "traced", traces=url, tick=0.2):
        async with people(servers) as here:
            agency, provider = await here.agency(), await here.provider(here.service())
            await here.wait_for_directory(agency, 1)  # a need that waits is called back without an ancestor
            await agency.send(here.referral("R-1"))
            offer = await provider.wait_for_offer()
            await provider.answer(offer, Answer.ACCEPTED)
            await provider.answer(offer, Answer.DELIVERED)
            await agency.wait_for("delivered", "R-1")
            trace = offer.referral_id.replace("-", "")

            async def closed() -> bool:
                return _closed(collector, trace)

            await eventually(closed, "outcomes has sent the span of the end")
    spans = collector.spans_of(trace)
    assert {who for who, _ in spans.values()} == set(SERVICES)
    names = {who: {span.name for by, span in spans.values() if by == who} for who in SERVICES}
    assert names["intake"] >= {"agency.submitted.v1 admitted", "intake.received.v1 decided"}
    assert names["matching"] >= {"intake.accepted.v1 decided"}
    assert names["notification"] >= {"matching.matched.v1 decided", "provider.answered.v1 admitted"}
    assert names["outcomes"] >= {"intake.accepted.v1 decided", "notification.delivered.v1 decided"}

    roots = {span.name for _, span in spans.values() if not span.parent_span_id}
    assert roots == {"agency.submitted.v1 admitted", "provider.answered.v1 admitted"}, (
        "only what organisations sent has no parent"
    )
    for _, span in spans.values():
        assert not span.parent_span_id or span.parent_span_id.hex() in spans, f"{span.name} has no parent in its trace"
    chain = _ancestors(spans, next(span for _, span in spans.values() if span.name == "matching.matched.v1 decided"))
    assert chain[-1] == ("intake", "agency.submitted.v1 admitted"), "the offer leads back to the referral"

    for _, span in spans.values():
        (link,) = span.links
        who, batch = collector.spans[link.span_id.hex()]
        assert batch.name in (f"{who} loop batch", f"{who} gate batch")
        back = {each.span_id for each in batch.links}
        assert span.parent_span_id in back or span.span_id in back, f"{batch.name} is not linked to {span.name}"
    for word in (b"Canaria", agency.id.encode(), provider.id.encode()):
        assert not any(word in body for body in collector.bodies), "a person or an organisation is in a trace"


def _closed(collector: Collector, trace: str) -> bool:
    """Whether outcomes has sent its span of the end."""
    return any(who == "outcomes" and "delivered" in span.name for who, span in collector.spans_of(trace).values())


def _ancestors(spans: dict[str, tuple[str, Any]], span: Any) -> list[tuple[str, str]]:
    names = []
    while span.parent_span_id:
        who, span = spans[span.parent_span_id.hex()]
        names.append((who, span.name))
    return names
