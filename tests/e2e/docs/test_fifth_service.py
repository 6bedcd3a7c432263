"""A service built from `services/README.md` alone works as the README says."""

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from deploy.cluster.login import Login
from deploy.local.mongo import grant
from deploy.local.services import ServiceProcess
from deploy.local.services import Services as Running
from deploy.local.stack import Addresses
from deploy.secrets.keys import environment
from tests.e2e.actors import PATIENCE, People, eventually

ROOT = Path(__file__).parents[3]
README = (ROOT / "services" / "README.md").read_text()
NAME, TOPIC = "digest", "referrals.digest"

APPLY = """
import asyncio, json, sys
from deploy.cluster import access, topics
from deploy.cluster.login import Login

operator, password = Login(**json.loads(sys.argv[1])), sys.argv[2]
asyncio.run(topics.ensure(operator, topics.internal_topics()))
if operator.user:
    access.set_password(operator, "digest", password)
    access.apply(operator, access.service_rules())
"""
"""What an operator does for a new service."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the fifth service in it."""
    tree = tmp_path_factory.mktemp("fifth")
    for folder in ("contracts", "services", "deploy", "tests/support"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "tests/__init__.py"):
        shutil.copy(ROOT / file, tree / file)
    for path, text in _files():
        assert not (tree / path).exists(), path
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    for path, old, new in _changes():
        text = (tree / path).read_text()
        assert text.count(old) == 1, f"{path} must have this once, as services/README.md says:\n{old}"
        (tree / path).write_text(text.replace(old, new))
    return tree


def _files() -> Iterator[tuple[str, str]]:
    for block in re.finditer(r"^```python (\S+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE):
        yield block[1], block[2]


def _changes() -> Iterator[tuple[str, str, str]]:
    """Each hunk of the README's diff: the file, the lines removed, and the lines added."""
    diff = re.search(r"^```diff\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert diff
    for section in re.split(r"^--- ", diff[1], flags=re.MULTILINE)[1:]:
        path, _, hunks = section.partition("\n")
        for hunk in hunks.split("@@\n"):
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] == "-")
            yield path, old, "".join(line[1:] for line in lines if line[0] == "+")


def _run(tree: Path, *command: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}
    done = subprocess.run([sys.executable, *command], cwd=tree, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_fifth_services_own_tests_pass(tree: Path) -> None:
    output = _run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "tests/unit/digest")
    assert "3 passed" in output


def test_the_fifth_service_keeps_the_rules_of_the_project(tree: Path) -> None:
    _run(tree, "-m", "ruff", "check", "contracts", "services", "deploy")
    _run(tree, "-m", "ruff", "format", "--check", "contracts", "services", "deploy")
    _run(tree, "-m", "mypy", "-p", "services.digest", "--cache-dir", str(tree / ".mypy_cache"))
    _run(tree, "-c", "from importlinter.cli import lint_imports_command as lint; lint()")


def test_the_fifth_service_prints_its_settings(tree: Path) -> None:
    assert "REFERRALS_DIGEST_EVERY" in _run(tree, "-m", "services.digest", "--settings")


@pytest.mark.timeout(600)  # on a machine that may be busy
async def test_the_fifth_service_counts_and_a_kill_loses_and_doubles_nothing(
    here: People, servers: Addresses, tree: Path, tmp_path: Path
) -> None:
    password, database = secrets.token_hex(16), f"fifth_{NAME}"
    operator = {name: getattr(servers.operator, name) for name in Login.__dataclass_fields__}
    await asyncio.to_thread(_run, tree, "-c", APPLY, json.dumps(operator), password)
    mongo = grant(servers.mongo, database, secrets.token_hex(16)) if servers.operator.user else servers.mongo
    digest = _service(servers, tree, tmp_path, password, mongo)
    agency = await here.agency()
    with Running({NAME: digest}):
        await asyncio.to_thread(digest.start)
        for number in range(12):
            await agency.send(here.referral(f"R-{number}"))
        assert await _wait_for_counts(here, 1) == [10]
        digest.kill()
        for number in range(12, 25):
            await agency.send(here.referral(f"R-{number}"))
        for number in range(12, 25):
            await agency.wait_for("waiting", f"R-{number}")  # `accepted` is left out for a need that already waits
        digest.env["REFERRALS_CRASH_AT"] = "stored:1"  # stored in the journal, and not yet published
        digest.spawn()

        async def died() -> bool:
            return not digest.running

        await eventually(died, "digest has died after it stored an event")
        del digest.env["REFERRALS_CRASH_AT"]
        await asyncio.to_thread(digest.start)
        assert await _wait_for_counts(here, 2) == [10, 20]
        causes = await _causes(servers, database, here.area, 25)
    assert len(causes) == 25
    assert set(causes.values()) == {1}


def _service(servers: Addresses, tree: Path, data: Path, password: str, mongo: str) -> ServiceProcess:
    settings = {"KAFKA": json.dumps([servers.kafka]), "MONGO": mongo, "DATABASE": "fifth", "LOG_LEVEL": "info"}
    if servers.operator.user:
        settings |= {"KAFKA_USER": NAME, "KAFKA_PASSWORD": password, "KAFKA_CA": servers.ca}
    env = environment(data / "keys", NAME) | {f"REFERRALS_{name}": value for name, value in settings.items()}
    service = ServiceProcess(NAME, data, env)
    service.env |= {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}
    return service


async def _wait_for_counts(here: People, count: int, patience: float = PATIENCE) -> list[int]:
    """Wait for the counts of this test's area, read once per id; each id must have one body."""
    bodies: dict[bytes, Any] = {}
    async with asyncio.timeout(patience):
        while len(bodies) < count:
            await asyncio.sleep(0.2)
            for record in await here.records(TOPIC):
                body, id_ = json.loads(record.value), dict(record.headers)["ce_id"]
                if body["area"] == here.area:
                    assert bodies.setdefault(id_, body) == body
    return sorted(body["needs"] for body in bodies.values())


async def _causes(servers: Addresses, database: str, stream: str, wanted: int) -> Counter[str]:
    """How often each cause is in the journal of a stream, once this many are there."""
    mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(servers.mongo)
    causes: Counter[str] = Counter()
    async with asyncio.timeout(PATIENCE):
        while causes.total() < wanted:
            documents = [document async for document in mongo[database]["journal"].find({"stream": stream})]
            causes = Counter(entry["cause"] for document in documents for entry in document["entries"])
            await asyncio.sleep(0.2)
    mongo.close()
    return causes
