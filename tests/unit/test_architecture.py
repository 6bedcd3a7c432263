"""What may be imported where. import-linter holds the rest (`make check`): no service imports another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import services

ROOT = Path(services.__file__).parent
PURE = sorted(
    path
    for name in (
        "policy", "state", "eligibility", "ranking", "places", "waiting", "directory", "indicators", "timeline",
        "triage", "facts", "limits", "hours", "times", "overdue", "answers", "weighing", "wording",
    )
    for path in ROOT.glob(f"*/{name}.py")
    if path.parent.name != "chassis"
)  # fmt: skip
CHASSIS_PURE = [ROOT / "chassis" / name for name in ("decider.py", "journal.py", "ports.py")]
NOT_PURE = {
    "time", "random", "secrets", "os", "sys", "asyncio", "threading", "socket", "pathlib", "io", "tempfile",
    "subprocess", "logging", "structlog", "motor", "pymongo", "bson", "aiokafka", "faststream", "prometheus_client",
    "httpx", "uvicorn",
}  # fmt: skip
NOT_PURE_OF_OURS = {"kafka", "mongo", "service", "loop", "clock", "logs", "health", "timers", "dead_letters"}
CALLS = {
    "now", "utcnow", "today", "time_ns", "monotonic", "perf_counter", "open", "print", "input", "uuid1",
    "uuid4", "urandom", "getrandbits", "token_hex", "token_bytes", "SystemRandom", "new_key", "seal", "seal_to",
}  # fmt: skip


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of all that is imported, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{each.name}".strip(".") for each in node.names)


def impurities(source: str) -> list[str]:
    tree = ast.parse(source)
    found = []
    for name in imports(tree):
        parts = name.split(".")
        if parts[0] in NOT_PURE or parts[-1] in ("uuid1", "uuid4"):
            found.append(f"import {name}")
        if parts[:2] == ["services", "chassis"] and parts[2] in NOT_PURE_OF_OURS:
            found.append(f"import {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            if name in CALLS:
                found.append(f"{ast.unparse(called)}()")
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Global):
            found.append(type(node).__name__)
    return found


@pytest.mark.parametrize("path", [*PURE, *CHASSIS_PURE], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_decisions_are_pure(path: Path) -> None:
    found = impurities(path.read_text())
    if path in CHASSIS_PURE:  # the ports are async by their nature
        found = [each for each in found if each not in ("AsyncFunctionDef", "Await")]
    assert found == []


def test_every_service_has_its_policy_and_state() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/app.py")}
    for name in ("policy", "state", "settings"):
        assert {path.parent.name for path in ROOT.glob(f"*/{name}.py")} >= rooms
    assert {path.parent.name for path in PURE} >= rooms


@pytest.mark.parametrize(
    "source",
    [
        "import time", "from random import choice", "import os.path", "from uuid import uuid4",
        "import uuid\nuuid.uuid4()",
        "from datetime import datetime\ndatetime.now()", "import datetime\ndatetime.date.today()", "open('x')",
        "from services.chassis.kafka import KafkaLog", "async def f(): ...", "def f():\n import random",
    ],
)  # fmt: skip
def test_the_check_for_purity_finds_what_it_looks_for(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize(
    ("libraries", "home"),
    [
        ({"motor", "pymongo", "bson"}, {"chassis/mongo.py"}),
        ({"aiokafka", "faststream"}, {f"chassis/{name}" for name in ("kafka", "service.py", "health.py", "reads.py")}),
        ({"confluent_kafka"}, {"console/kafka.py", "console/client.py"}),
        ({"opentelemetry"}, {"chassis/otel.py"}),
    ],
)
def test_a_library_is_touched_in_its_own_place_only(libraries: set[str], home: set[str]) -> None:
    users = {
        "/".join(path.relative_to(ROOT).parts[:2])
        for path in ROOT.rglob("*.py")
        if any(name.split(".")[0] in libraries for name in imports(ast.parse(path.read_text())))
    }
    assert users <= home


def test_the_contracts_do_no_io() -> None:
    for path in (ROOT.parent / "contracts").glob("*.py"):
        tree = ast.parse(path.read_text())
        used = {name.split(".")[0] for name in imports(tree)}
        assert not used & (NOT_PURE | {"services", "deploy", "tests"}), path
