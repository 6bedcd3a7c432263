"""What the README tells a newcomer to write works as it stands."""

import asyncio
import os
import re
import sys
from pathlib import Path

from deploy.local.services import Services
from deploy.local.stack import Addresses
from deploy.topics import ensure, of_agency, of_provider

README = Path(__file__).parents[2] / "README.md"


def snippet(name: str) -> str:
    found = re.search(rf"```python {name}\n(.*?)```", README.read_text(), re.DOTALL)
    assert found, f"the README has no snippet {name}"
    return found[1]


async def test_an_agency_and_a_provider_written_from_the_readme_bring_a_referral_to_its_end(
    system: Services, servers: Addresses
) -> None:
    env = {**os.environ, "KAFKA": servers.kafka}
    await ensure(servers.kafka, of_agency("brest-help") + of_provider("brest-shelter"))

    async def run(name: str) -> asyncio.subprocess.Process:
        code = f"{snippet('common')}\n{snippet(name)}\nasyncio.run({name}())"
        return await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=env, stdout=asyncio.subprocess.PIPE)

    provider = await run("provider")
    await asyncio.sleep(2)  # its directory has to be read before the referral comes, else that waits for the sweep
    agency = await run("agency")
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
    told = [state for state in told if state != "waiting"]  # a new provider may be noticed a moment later
    assert told == ["accepted", "matched", "offered", "taken-up", "delivered"]
    assert said.decode().splitlines() == ["offered: shelter urgent 18-59", "released: {'name': 'Alesia Novik'}"]
