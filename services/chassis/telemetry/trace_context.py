"""One W3C trace for each referral. Its trace id is the referral's id without dashes.

Gates start the trace, and every event carries it on in its header ``traceparent``
(https://www.w3.org/TR/trace-context/). With ``REFERRALS_TRACES``, each handled event is a span. The span's id derives
from the event, so an event that is redelivered after a crash has the same span. Without tracing, the header is passed
on unchanged.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from contracts.cloudevents import CloudEvent
from contracts.ids import derived_id

_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
_TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}")


class Span(NamedTuple):
    """A handled event: its own ``traceparent``, the one it arrived with, its type and id, and what became of it."""

    own: str
    parent: str | None
    type: str
    id: str
    outcome: str


class Tracing(Protocol):
    """Where spans go."""

    def batch(self, part: str, seconds: float, records: int, spans: Sequence[Span], steps: Mapping[str, float]) -> None:
        """Record a batch that has just ended, and its events. `steps` are seconds. Never waits, never fails."""
        ...

    def stop(self) -> None:
        """Send what is left. Waits a few seconds at most."""
        ...


def traceparent(key: str, id_: str) -> str:
    """The ``traceparent`` of an event: the trace of its referral, whose id is `key`, and itself as the span."""
    return f"00-{_trace(key)}-{id_.replace('-', '')[:16]}-01"


def follow(service: str, parent: str | None, key: str, stream: str, cause: str) -> str:
    """The ``traceparent`` of what follows from an event in its stream. The same each time the event is decided.

    `parent` is the event's own header. If it is missing or invalid, the trace is that of `key`, the record key.
    """
    match = _PARENT.fullmatch(parent or "")
    own = hashlib.blake2b(f"{service}|{stream}|{cause}".encode(), digest_size=8).hexdigest()
    return f"00-{match[1] if match else _trace(key)}-{own}-01"


def span_of(event: CloudEvent, trace: str | None, outcome: str) -> Span | None:
    """The span of an event whose effects carry `trace`; None if it was decided while tracing was off."""
    if trace is None or trace == event.traceparent:
        return None
    return Span(trace, event.traceparent, event.type, event.id, outcome)


def parts_of(parent: str | None) -> tuple[str, str] | None:
    """Trace id and span id in hex; None if the text is not a valid ``traceparent``."""
    match = _PARENT.fullmatch(parent or "")
    return (match[1], match[2]) if match else None


def _trace(key: str) -> str:
    trace = key.replace("-", "")
    return trace if _TRACE.fullmatch(trace) else derived_id("trace", key).replace("-", "")
