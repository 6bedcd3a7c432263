"""Logs and metrics are those of the catalogue, and contain ids, never people."""

import ast
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
import structlog

from contracts.cloudevents import CloudEvent
from services.chassis.telemetry import logs
from services.chassis.telemetry.catalogue import LABELS, LOG_FIELDS, METRICS
from services.chassis.telemetry.logs import allowed_only, handled
from services.chassis.telemetry.metrics import Meter
from services.outcomes.jobs.loop_closure_metrics import ClosureMeter

SERVICES = Path(logs.__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
ADDED = {"event", "level", "timestamp", "dropped_fields"}
"""Fields that structlog and its processors add."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SERVICES.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            source = ast.unparse(node.func.value)
            if source == "logger" or "get_logger" in source:
                yield node


def fields_of(call: ast.Call, tree: ast.Module) -> set[str]:
    """The keywords of a call. For ``**name``, the keys of the module's dict of that name."""
    fields = {keyword.arg for keyword in call.keywords if keyword.arg}
    spread = {
        name.id
        for keyword in call.keywords
        if keyword.arg is None
        for name in ast.walk(keyword.value)
        if isinstance(name, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)) if name in spread:
                fields |= {key.value for key in keys if isinstance(key, ast.Constant)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(keys=keys)) if name in spread:
                fields |= {key.value for key in keys if isinstance(key, ast.Constant)}
    return fields


def logged() -> set[str]:
    used = {field for _, tree in trees() for call in log_calls(tree) for field in fields_of(call, tree)}
    [canonical] = [
        node
        for path, tree in trees()
        if path.name == "logs.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "handled"
    ]
    for node in ast.walk(canonical):
        if isinstance(node, ast.Dict):
            used |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return used


def test_every_field_logged_is_listed() -> None:
    assert logged() - LOG_FIELDS.keys() == set()


def test_every_field_listed_is_logged() -> None:
    assert LOG_FIELDS.keys() - logged() - ADDED == set()


def test_every_warning_and_error_has_a_hint() -> None:
    silent = [
        f"{path.name}:{call.lineno}"
        for path, tree in trees()
        for call in log_calls(tree)
        if call.func.attr in ("warning", "error", "critical")  # type: ignore[attr-defined]
        and not any(keyword.arg == "hint" for keyword in call.keywords)
    ]
    assert silent == []


def test_nothing_is_logged_with_a_traceback() -> None:
    for path, tree in trees():
        for call in log_calls(tree):
            assert call.func.attr != "exception", path  # type: ignore[attr-defined]
            assert not any(keyword.arg in ("exc_info", "stack_info") for keyword in call.keywords), path


def test_the_metrics_are_those_listed_with_their_labels() -> None:
    registry = Meter("x").registry
    ClosureMeter(registry)
    there = {}
    for metric, names in registry._collector_to_names.items():
        name = next((each for each in names if each.endswith("_total")), metric._name)
        there[name] = (metric._type, metric._labelnames)
    assert there == {name: (metric.kind, metric.labels) for name, metric in METRICS.items()}


def test_every_label_is_listed_and_used() -> None:
    assert {label for metric in METRICS.values() for label in metric.labels} == set(LABELS)


def test_an_unlisted_field_is_dropped_and_its_name_logged() -> None:
    line = allowed_only(None, "", {"event": "e", "name": "Maria", "phone": "1", "reason": "r"})
    assert line == {"event": "e", "reason": "r", "dropped_fields": ["name", "phone"]}
    assert allowed_only(None, "", {"event": "e"}) == {"event": "e"}


def test_the_canonical_line_has_its_fields(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    event = CloudEvent(
        id="1", source="/a", type="org.referral-routing.intake.accepted.v1", time=datetime.now(UTC), data=b"Maria",
        causationid="c", traceparent=f"00-{trace}-00f067aa0ba902b7-01",
    )  # fmt: skip
    handled("intake", 1.23456, [(event, "r", "decided")])
    line = orjson.loads(capsysbinary.readouterr().out)
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {
        "event": "handled",
        "level": "info",
        "service": "intake",
        "event_type": "intake.accepted.v1",
        "event_id": "1",
        "referral_id": "r",
        "causation_id": "c",
        "trace_id": trace,
        "outcome": "decided",
        "duration_ms": 1.235,
    }
    assert line.keys() <= LOG_FIELDS.keys()


@pytest.fixture
def _restored() -> Iterator[None]:
    """Restores logging after the test, whatever `configure` changes."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs._PRINTS_RECORDS}
    info_on = logs._info_on
    yield
    root.handlers[:], root.level = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logs._info_on = info_on
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("_restored")
def test_lines_are_json_with_the_service_at_the_configured_level(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure("matching", "warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud", reason="r", name="Maria")
    handled("matching", 1.0, [(CloudEvent("1", "/a", "t", datetime.now(UTC), b""), "r", "decided")])
    [line] = capsysbinary.readouterr().out.splitlines()
    read = orjson.loads(line)
    assert (read["event"], read["level"], read["service"]) == ("loud", "warning", "matching")
    assert read["dropped_fields"] == ["name"]


@pytest.mark.usefixtures("_restored")
def test_libraries_cannot_log_records_or_tracebacks(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure("matching", "debug")
    logging.getLogger("aiokafka.producer").debug("Sending (key=%s value=%s)", "k", "Maria")
    logging.getLogger("aiokafka.producer").info("Sending %s", "Maria")
    logging.getLogger("somebody").info("got %s", "Maria")
    try:
        raise ValueError("Maria")
    except ValueError:
        logging.getLogger("aiokafka").exception("it failed")
    lines = [orjson.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert b"Maria" not in orjson.dumps(lines)
    assert [(line["logger"], line["text"], line["reason"]) for line in lines] == [
        ("somebody", "got %s", None),
        ("aiokafka", "it failed", "ValueError"),
    ]


@pytest.mark.usefixtures("_restored")
def test_similar_library_lines_are_written_once_in_ten_seconds_with_a_count(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    logs.configure("matching", "info")
    time = 100.0
    bridge = logs._Bridge(lambda: time)

    def log(name: str, text: str, *args: object) -> None:
        bridge.handle(logging.LogRecord(name, logging.WARNING, "", 1, text, args, None))

    for node in range(50):
        log("aiokafka", "Unable connect to node %s", node)
    log("aiokafka", "Another line")
    log("aiokafka.producer", "Unable connect to node %s", 0)
    time += 10
    log("aiokafka", "Unable connect to node %s", 7)
    time += 10
    log("aiokafka", "Unable connect to node %s", 8)
    lines = [orjson.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [(line["logger"], line["text"], line["count"]) for line in lines] == [
        ("aiokafka", "Unable connect to node 0", None),
        ("aiokafka", "Another line", None),
        ("aiokafka.producer", "Unable connect to node 0", None),
        ("aiokafka", "Unable connect to node 7", 49),
        ("aiokafka", "Unable connect to node 8", None),
    ]


@pytest.mark.usefixtures("_restored")
def test_different_library_lines_do_not_fill_the_memory(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure("matching", "info")
    bridge = logs._Bridge()
    for number in range(2 * logs._MOST_KINDS):
        bridge.handle(logging.LogRecord("odd", logging.WARNING, "", 1, f"line {number}", (), None))
    assert len(capsysbinary.readouterr().out.splitlines()) == 2 * logs._MOST_KINDS
    assert len(bridge._last_lines) <= logs._MOST_KINDS
