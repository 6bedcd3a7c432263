"""Clients of strangers, made of public libraries only, play both of README's roles: "any Kafka client will do"."""

import json
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from deploy.local.services import Services
from deploy.local.stack import Addresses
from services.chassis.encryption import open_sealed
from tests.e2e.docs.two_roles import Program, complete_a_referral

CLIENTS = Path(__file__).parents[3] / "deploy" / "samples" / "clients"
VECTOR = json.loads((CLIENTS / "hpke-vector.json").read_text())


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the JavaScript clients, with their libraries as the lock file says."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("clients") / "javascript"
    shutil.copytree(CLIENTS / "javascript", folder, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(CLIENTS / "hpke-vector.json", folder.parent)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    if any(code in done.stderr for code in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN")):
        pytest.skip(f"npm reaches no registry: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_vector_is_what_the_services_write() -> None:
    assert open_sealed(VECTOR["private_key"], VECTOR["sealed"], VECTOR["info"]).decode() == VECTOR["plaintext"]
    assert len(b64decode(VECTOR["sealed"])) == 32 + len(VECTOR["plaintext"]) + 16, "key, ciphertext and tag"


def test_another_implementation_of_hpke_opens_it(javascript: Path) -> None:
    done = subprocess.run(
        ["node", "vector.js"], cwd=javascript, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.returncode) == (VECTOR["plaintext"], 0), done.stderr


@pytest.mark.timeout(400)  # on a machine that may be busy
async def test_kafkajs_and_the_javascript_sdk_complete_a_referral(
    system: Services, servers: Addresses, javascript: Path
) -> None:
    def program(role: str, tenant: str) -> Program:
        return Program(role, tenant, ["node", f"{role}.js", tenant], javascript)

    provider, agency = program("provider", "grodno-shelter"), program("agency", "grodno-help")
    printed = await complete_a_referral(servers, provider, agency)
    assert printed == ["offered: shelter urgent 18-59", 'released: {"name":"Alesia Novik"}']
