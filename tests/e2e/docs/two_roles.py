"""Plays README's agency and provider, each as a program of its own."""

import asyncio
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.cluster import tenants
from deploy.demo.__main__ import login_of
from deploy.local.stack import Addresses
from tests.e2e.actors import PATIENCE, in_order


class Program(NamedTuple):
    """How a role is run: as which organisation, by which command, in which folder."""

    role: str
    tenant: str
    command: Sequence[str]
    folder: Path | None = None


async def complete_a_referral(servers: Addresses, provider: Program, agency: Program) -> list[str]:
    """Run both until help has been given. Returns the lines that the provider printed.

    Raises `AssertionError` unless the agency learned the states in their order.
    """
    providing = await _start(servers, provider)
    await asyncio.sleep(2)  # matching must read its directory before the referral, else the need waits for the sweep
    asking = await _start(servers, agency)
    states = []
    try:
        async with asyncio.timeout(PATIENCE):
            assert asking.stdout is not None
            async for line in asking.stdout:
                states.append(line.decode().split()[1])
                if states[-1] == "delivered":
                    break
    finally:
        for process in (asking, providing):
            if process.returncode is None:
                process.terminate()
    output, _ = await providing.communicate()
    await asking.communicate()
    # Matching may read the new directory a moment later, and a slow provider is reminded: the state is repeated.
    states = [state for state, _ in itertools.groupby(states)]
    assert in_order(states, ["accepted", "waiting", "matched", "offered", "taken-up", "delivered"]), states
    return output.decode().splitlines()


async def _start(servers: Addresses, program: Program) -> asyncio.subprocess.Process:
    issued = await asyncio.to_thread(tenants.onboard, servers.operator, program.role, program.tenant, program.tenant)
    login = login_of(servers, issued)
    env = {**os.environ, "KAFKA": login.kafka, "KAFKA_USER": login.user, "KAFKA_PASSWORD": login.password or ""}
    return await asyncio.create_subprocess_exec(
        *program.command, cwd=program.folder, env=env, stdout=asyncio.subprocess.PIPE
    )
