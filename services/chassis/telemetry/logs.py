"""JSON lines on stdout, through structlog. Logs contain ids, never people.

The canonical line of each handled event bypasses structlog's processors, which would cost ten times as much. It is
built here, from listed fields only. Libraries log through the standard library, and their lines arrive as `text`;
libraries that log records are limited to warnings.
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
"""Seconds between two library lines of the same kind."""
_MOST_KINDS = 1_000
"""Kinds of library lines that are remembered."""
_info_on = True


def configure(service: str, level: str) -> None:
    """Set up logging for this process. `level` is debug, info, warning or error."""
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
    """A structlog processor that drops fields missing from the catalogue, and lists their names."""
    unknown = line.keys() - LOG_FIELDS.keys()
    for name in unknown:
        del line[name]
    if unknown:
        line["dropped_fields"] = sorted(unknown)
    return line


def handled(service: str, duration_ms: float, events: Iterable[tuple[CloudEvent, str, str]]) -> None:
    """Write the canonical line of each event of a batch: event, referral and outcome. Duration is the batch's."""
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
    """Turns the standard library's log records into structlog lines, one level lower: errors become warnings.

    What matters, we log ourselves, with a hint. Tracebacks are left out, and so are the arguments of lines below
    warning. Lines of one kind (a logger and its text before formatting) are written at most once in ten seconds, with
    the `count` of those suppressed before.
    """

    def __init__(self, time: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._time = time
        self._last_lines: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line, unless a similar one was written just now."""
        kind, now = (record.name, str(record.msg)), self._time()
        written_at, suppressed = self._last_lines.get(kind, (now - _QUIET, 0))
        if now - written_at < _QUIET:
            self._last_lines[kind] = (written_at, suppressed + 1)
            return
        if len(self._last_lines) >= _MOST_KINDS:
            self._last_lines.clear()
        self._last_lines[kind] = (now, 0)
        text = str(record.msg) if record.args and record.levelno < logging.WARNING else record.getMessage()
        structlog.get_logger().log(
            logging.WARNING if record.levelno >= logging.ERROR else logging.INFO,
            "library",
            logger=record.name,
            text=text[:300],
            count=suppressed or None,
            reason=record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None,
        )
