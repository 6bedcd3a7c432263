"""What the README tells a newcomer to write works as it stands."""

import asyncio
import itertools
import os
import re
import sys
from pathlib import Path

from deploy.cluster import tenants
from deploy.demo.__main__ import login_of
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.actors import in_order

ROOT = Path(__file__).parents[3]
PAGES = "".join((ROOT / page).read_text() for page in ("README.md", "contracts/README.md"))
SNIPPETS = {"agency": ("common", "agency"), "provider": ("common", "contact", "provider")}


def snippet(name: str) -> str:
    found = re.search(rf"```python {name}\n(.*?)```", PAGES, re.DOTALL)
    assert found, f"the README has no snippet {name}"
    return found[1]


async def test_an_agency_and_a_provider_written_from_the_readme_bring_a_referral_to_its_end(
    system: Services, servers: Addresses
) -> None:
    async def run(name: str, tenant: str) -> asyncio.subprocess.Process:
        given = await asyncio.to_thread(tenants.onboard, servers.operator, name, tenant, tenant)
        login = login_of(servers, given)
        env = {**os.environ, "KAFKA": login.kafka, "KAFKA_USER": login.user, "KAFKA_PASSWORD": login.password}
        code = "\n".join([*map(snippet, SNIPPETS[name]), f"asyncio.run({name}())"])
        return await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=env, stdout=asyncio.subprocess.PIPE)

    provider = await run("provider", "brest-shelter")
    await asyncio.sleep(2)  # its directory has to be read before the referral comes, else that waits for the sweep
    agency = await run("agency", "brest-help")
    told = []
    try:
        async with asyncio.timeout(40):
            assert agency.stdout is not None
            async for line in agency.stdout:
                told.append(line.decode().split()[1])
                if told[-1] == "delivered":
                    break
    finally:
        agency.terminate()
        provider.terminate()
    said, _ = await provider.communicate()
    await agency.communicate()
    # A new provider may be noticed a moment later; and where it is slow, that it was reminded is told as well.
    told = [state for state, _ in itertools.groupby(told)]
    assert in_order(told, ["accepted", "waiting", "matched", "offered", "taken-up", "delivered"]), told
    assert said.decode().splitlines() == ["offered: shelter urgent 18-59", "released: {'name': 'Alesia Novik'}"]
