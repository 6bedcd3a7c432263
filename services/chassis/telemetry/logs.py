"""structlog, JSON lines on stdout. Logs carry ids, never people.

The canonical line of each handled event goes past structlog's processors, which would cost ten times as much; it is
made here, from listed fields only. Libraries log through the standard library and arrive as `text`; those that print
records at DEBUG are held at INFO.
"""

import logging
import sys
from collections.abc import Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import orjson
import structlog

from contracts.base import PREFIX
from contracts.cloudevents import CloudEvent

from .catalogue import LOG_FIELDS

_PRINTS_RECORDS = ("aiokafka", "faststream", "pymongo", "motor", "kafka", "uvicorn")
_QUIET = 10.0
_KINDS = 1_000
_info_on = True


def configure(service: str, level: str) -> None:
    """Set up logging of this process, once."""
    global _info_on
    threshold = logging.getLevelNamesMapping()[level.upper()]
    _info_on = threshold <= logging.INFO
    structlog.contextvars.bind_contextvars(service=service)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allowed_only,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(max(threshold, logging.INFO))
    for name in _PRINTS_RECORDS:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


def allowed_only(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop fields that are not in the registry, and name them."""
    unknown = line.keys() - LOG_FIELDS.keys()
    for name in unknown:
        del line[name]
    if unknown:
        line["dropped_fields"] = sorted(unknown)
    return line


def handled(service: str, duration_ms: float, events: Iterable[tuple[CloudEvent, str, str]]) -> None:
    """The canonical line of each event that a batch handled, with its referral and outcome.

    Time and duration are those of the batch.
    """
    if not _info_on:
        return
    write, now, duration = sys.stdout.buffer.write, datetime.now(UTC).isoformat(), round(duration_ms, 3)
    for event, referral, outcome in events:
        line = {
            "event": "handled",
            "level": "info",
            "timestamp": now,
            "service": service,
            "event_type": event.type.removeprefix(PREFIX),
            "event_id": event.id,
            "referral_id": referral,
            "causation_id": event.causationid,
            "trace_id": event.traceparent[3:35] if event.traceparent else None,
            "outcome": outcome,
            "duration_ms": duration,
        }
        write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


class _Bridge(logging.Handler):
    """The standard library's records as structlog lines, one level down: what matters we say ourselves, with a hint.

    Tracebacks stay out, and so do the arguments of what is below a warning. One kind of line (a logger and its text
    before the arguments) comes once in ten seconds; the next one has the `count` of those left out before it.
    """

    def __init__(self, time: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._time = time
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        kind, now = (record.name, str(record.msg)), self._time()
        said, left_out = self._said.get(kind, (now - _QUIET, 0))
        if now - said < _QUIET:
            self._said[kind] = (said, left_out + 1)
            return
        if len(self._said) >= _KINDS:
            self._said.clear()
        self._said[kind] = (now, 0)
        text = str(record.msg) if record.args and record.levelno < logging.WARNING else record.getMessage()
        structlog.get_logger().log(
            logging.WARNING if record.levelno >= logging.ERROR else logging.INFO,
            "library",
            logger=record.name,
            text=text[:300],
            count=left_out or None,
            reason=record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None,
        )
