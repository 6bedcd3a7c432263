"""Clients of strangers, made of public libraries only, play both of README's roles: "any Kafka client will do"."""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from deploy.cluster import tenants
from deploy.demo.__main__ import login_of
from deploy.local.services import Services
from deploy.local.stack import Addresses
from services.chassis.encryption import open_sealed
from tests.e2e.actors import PATIENCE, in_order

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
    async def run(role: str, tenant: str) -> asyncio.subprocess.Process:
        issued = await asyncio.to_thread(tenants.onboard, servers.operator, role, tenant, tenant)
        login = login_of(servers, issued)
        env = {**os.environ, "KAFKA": login.kafka, "KAFKA_USER": login.user, "KAFKA_PASSWORD": login.password or ""}
        return await asyncio.create_subprocess_exec(
            "node", f"{role}.js", tenant, cwd=javascript, env=env, stdout=asyncio.subprocess.PIPE
        )

    provider = await run("provider", "grodno-shelter")
    await asyncio.sleep(2)  # matching must read its directory before the referral, else the need waits for the sweep
    agency = await run("agency", "grodno-help")
    states = []
    try:
        async with asyncio.timeout(PATIENCE):
            assert agency.stdout is not None
            async for line in agency.stdout:
                states.append(line.decode().split()[1])
                if states[-1] == "delivered":
                    break
    finally:
        for process in (agency, provider):
            if process.returncode is None:
                process.terminate()
    output, _ = await provider.communicate()
    await agency.communicate()
    states = [state for state, _ in itertools.groupby(states)]
    assert in_order(states, ["accepted", "waiting", "matched", "offered", "taken-up", "delivered"]), states
    assert output.decode().splitlines() == ["offered: shelter urgent 18-59", 'released: {"name":"Alesia Novik"}']
