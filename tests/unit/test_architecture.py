"""What import rules can't hold: that the four services have the same rooms, and that decisions call nothing impure.

Who may import whom is in `pyproject.toml` (import-linter, in `make check`).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import services
from tests.conftest import SLOW, TESTS

ROOT = Path(services.__file__).parent
SERVICES = ("intake", "matching", "notification", "outcomes")
ROOMS = {"domain", "admission", "outbound", "jobs", "queries", "docs"}
"""Of every service; one that a service has no use for is left out."""
OWN_ROOMS = {
    "intake": {"privacy"},
    "matching": {"capacity", "directory", "eligibility", "model", "pricing", "ranking", "waitlist"},
    "notification": set[str](),
    "outcomes": set[str](),
}
PURE = sorted(
    path
    for folder in (
        *(ROOT / name / "domain" for name in SERVICES),
        *(ROOT / "matching" / room for room in OWN_ROOMS["matching"]),
    )
    for path in folder.glob("*.py")
)
CHASSIS_PURE = [ROOT / "chassis" / name for name in ("decider.py", "engine/journal.py", "ports.py")]
CALLS = {
    "now", "utcnow", "today", "time_ns", "monotonic", "perf_counter", "open", "print", "input", "uuid1",
    "uuid4", "urandom", "getrandbits", "token_hex", "token_bytes", "SystemRandom", "new_key", "seal", "seal_to",
}  # fmt: skip


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of all imports, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{each.name}".strip(".") for each in node.names)


def impurities(source: str) -> list[str]:
    """Calls that read a clock, draw a random number or do I/O, though no import rule could notice them."""
    calls = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in CALLS:
                calls.append(f"{ast.unparse(function)}()")
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Global):
            calls.append(type(node).__name__)
    return calls


@pytest.mark.parametrize("path", [*PURE, *CHASSIS_PURE], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_decisions_call_nothing_impure(path: Path) -> None:
    calls = impurities(path.read_text())
    if path in CHASSIS_PURE:  # the ports are async by their nature
        calls = [each for each in calls if each not in ("AsyncFunctionDef", "Await")]
    assert calls == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    names = {path.stem for path in (ROOT / service).iterdir() if path.name != "__pycache__"}
    files = {"__init__", "__main__", "app", "settings", "README"}
    assert names >= {"app", "settings", "domain"}
    loaders = {"context_loader"} | ({"place_table"} if service == "matching" else set())
    assert names <= files | ROOMS | OWN_ROOMS[service] | loaders
    assert {path.stem for path in (ROOT / service / "domain").glob("*.py")} >= {"policy", "state"}


@pytest.mark.parametrize(
    "source",
    [
        "import uuid\nuuid.uuid4()",
        "from datetime import datetime\ndatetime.now()", "import datetime\ndatetime.date.today()", "open('x')",
        "async def f(): ...",
    ],
)  # fmt: skip
def test_the_check_for_impure_calls_finds_what_it_looks_for(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize(
    ("libraries", "home"),
    [
        ({"motor", "pymongo", "bson"}, {"chassis/mongo.py"}),
        ({"aiokafka", "faststream"}, {"chassis/kafka", "chassis/runtime", "chassis/http"}),
        ({"confluent_kafka"}, {"console/operator", "console/shared"}),
        ({"opentelemetry"}, {"chassis/telemetry"}),
    ],
)
def test_a_library_is_used_in_its_own_place_only(libraries: set[str], home: set[str]) -> None:
    users = {
        "/".join(path.relative_to(ROOT).parts[:2])
        for path in ROOT.rglob("*.py")
        if any(name.split(".")[0] in libraries for name in imports(ast.parse(path.read_text())))
    }
    assert users <= home


def test_every_folder_says_what_is_in_it() -> None:
    """One screen of README, or a docstring of the package."""
    for folder in {
        path.parent for top in ("contracts", "services", "deploy") for path in (ROOT.parent / top).rglob("*.py")
    }:
        text = (folder / "__init__.py").read_text()
        assert ast.get_docstring(ast.parse(text)) or (folder / "README.md").exists(), folder


def test_the_files_that_test_fast_leaves_out_exist() -> None:
    """A renamed file would come back in without a word."""
    assert [name for name in SLOW if not (TESTS / name).is_file()] == []


def test_no_class_name_means_two_things() -> None:
    """One name for one thing, in everything that is installed."""
    homes: dict[str, list[str]] = {}
    for top in ("contracts", "services", "deploy"):
        for path in (ROOT.parent / top).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    homes.setdefault(node.name, []).append(str(path.relative_to(ROOT.parent)))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
