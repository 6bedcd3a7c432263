"""One W3C trace for each referral: its id without dashes is the trace id, whoever looks for it.

Gates begin it, all events carry it on (``traceparent``). Where `REFERRALS_TRACES` is set (`connect`), each event that
is handled is a span, whose id derives from the event, so that what comes again after a crash says the same; else an
event hands on the header it came with, and nothing is made or imported.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from contracts.cloudevents import CloudEvent

from .items import Item
from .journal import Entry, derived_id
from .settings import ChassisSettings

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


def connect(service: str, settings: ChassisSettings) -> Tracing | None:
    """What `settings` say; None: no traces. Raises `ImportError` where the libraries are not installed."""
    if not settings.traces:
        return None
    from .otel import Sender  # two hundred modules that a service without traces does without

    return Sender(service, settings.instance, settings.traces, settings.traces_share)


def traceparent(key: str, id_: str) -> str:
    """The trace of a referral (its id is the key of its events), with an event of it as the span."""
    return f"00-{_trace(key)}-{id_.replace('-', '')[:16]}-01"


def follow(service: str, item: Item) -> str:
    """The ``traceparent`` of what follows from an event in its stream. The same each time it is decided."""
    found = _PARENT.fullmatch(item.event.traceparent or "")
    own = hashlib.blake2b(f"{service}|{item.stream}|{item.cause}".encode(), digest_size=8).hexdigest()
    return f"00-{found[1] if found else _trace(item.key)}-{own}-01"


def span_of(event: CloudEvent, entry: Entry, again: bool, outcome: str) -> Span | None:
    """An event of a loop; None where it came `again` by itself, or was decided while there were no traces."""
    if again or entry.trace is None or entry.trace == event.traceparent:
        return None
    return Span(entry.trace, event.traceparent, event.type, event.id, outcome)


def parts_of(parent: str | None) -> tuple[str, str] | None:
    """Trace and span id, in hex; None where it is no ``traceparent``."""
    found = _PARENT.fullmatch(parent or "")
    return (found[1], found[2]) if found else None


def _trace(key: str) -> str:
    trace = key.replace("-", "")
    return trace if _TRACE.fullmatch(trace) else derived_id("trace", key).replace("-", "")
