"""The programs in the README work as they are."""

import asyncio
import itertools
import os
import re
import sys
from pathlib import Path

import pytest

from deploy.cluster import tenants
from deploy.demo.__main__ import login_of
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.actors import PATIENCE, in_order

ROOT = Path(__file__).parents[3]
PAGES = "".join((ROOT / page).read_text() for page in ("README.md", "contracts/README.md"))
SNIPPETS = {"agency": ("common", "agency"), "provider": ("common", "contact", "provider")}


def snippet(name: str) -> str:
    block = re.search(rf"```python {name}\n(.*?)```", PAGES, re.DOTALL)
    assert block, f"the README has no snippet {name}"
    return block[1]


@pytest.mark.timeout(400)  # on a machine that may be busy
async def test_an_agency_and_a_provider_from_the_readme_complete_a_referral(
    system: Services, servers: Addresses
) -> None:
    async def run(name: str, tenant: str) -> asyncio.subprocess.Process:
        issued = await asyncio.to_thread(tenants.onboard, servers.operator, name, tenant, tenant)
        login = login_of(servers, issued)
        env = {**os.environ, "KAFKA": login.kafka, "KAFKA_USER": login.user, "KAFKA_PASSWORD": login.password}
        code = "\n".join([*map(snippet, SNIPPETS[name]), f"asyncio.run({name}())"])
        return await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=env, stdout=asyncio.subprocess.PIPE)

    provider = await run("provider", "brest-shelter")
    await asyncio.sleep(2)  # matching must read its directory before the referral, else the need waits for the sweep
    agency = await run("agency", "brest-help")
    states = []
    try:
        async with asyncio.timeout(PATIENCE):
            assert agency.stdout is not None
            async for line in agency.stdout:
                states.append(line.decode().split()[1])
                if states[-1] == "delivered":
                    break
    finally:
        agency.terminate()
        provider.terminate()
    output, _ = await provider.communicate()
    await agency.communicate()
    # Matching may read the new directory a moment later, and a slow provider is reminded: the state is repeated.
    states = [state for state, _ in itertools.groupby(states)]
    assert in_order(states, ["accepted", "waiting", "matched", "offered", "taken-up", "delivered"]), states
    assert output.decode().splitlines() == ["offered: shelter urgent 18-59", "released: {'name': 'Alesia Novik'}"]
