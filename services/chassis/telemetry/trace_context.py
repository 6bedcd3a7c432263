"""One W3C trace for each referral. Its trace id is the referral's id without dashes.

Gates begin the trace, and every event carries it on (``traceparent``). Where `REFERRALS_TRACES` is set (`connect.py`),
each handled event is a span. Its id derives from the event, so an event that comes again after a crash has the same
span. Without tracing an event passes on the header it came with, and nothing is created or imported.
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
    """An event that was handled: its own ``traceparent``, the one it came with, and what became of it."""

    own: str
    came_with: str | None
    type: str
    id: str
    outcome: str


class Tracing(Protocol):
    """Where spans go."""

    def batch(self, part: str, seconds: float, records: int, spans: Sequence[Span], steps: Mapping[str, float]) -> None:
        """Tell of a batch that has just ended, and of its events. Never waits, never fails."""
        ...

    def stop(self) -> None:
        """Send what is left. Waits, some seconds at most."""
        ...


def traceparent(key: str, id_: str) -> str:
    """The trace of a referral (its id is the key of its events), with an event of it as the span."""
    return f"00-{_trace(key)}-{id_.replace('-', '')[:16]}-01"


def follow(service: str, parent: str | None, key: str, stream: str, cause: str) -> str:
    """The ``traceparent`` of what follows from an event in its stream. The same each time it is decided.

    `parent` is the event's own header, `key` its record key: the trace, where the header is missing or invalid.
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
    """Trace and span id, in hex; None where it is no ``traceparent``."""
    found = _PARENT.fullmatch(parent or "")
    return (found[1], found[2]) if found else None


def _trace(key: str) -> str:
    trace = key.replace("-", "")
    return trace if _TRACE.fullmatch(trace) else derived_id("trace", key).replace("-", "")
