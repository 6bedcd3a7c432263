"""The command as people run it, with an interpreter of its own: the other tests run it in forks of one process."""

import json
from pathlib import Path

import pytest

from deploy.cluster import access
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.cli.command import WITH_ITS_OWN_INTERPRETER, CommandResult, Referrals, Terminal, onboard


async def run(terminal: Terminal, *arguments: object) -> CommandResult:
    process = await terminal.start(*arguments, program=WITH_ITS_OWN_INTERPRETER)
    out, err = await process.communicate()
    return CommandResult(process.returncode or 0, out.decode(), err.decode())


async def test_an_operators_command_starts_by_itself(referrals: Referrals) -> None:
    assert isinstance(referrals, Terminal)
    lag = await run(referrals, "lag", "--json")
    assert lag.code == 0, lag.err
    assert "intake" in json.loads(lag.out)["groups"]


@pytest.mark.parametrize(("role", "command"), [("agency", "status"), ("provider", "inbox")])
async def test_an_organisations_command_starts_by_itself(
    referrals: Referrals, servers: Addresses, tmp_path: Path, role: str, command: str
) -> None:
    terminal = await onboard(servers, tmp_path, role, f"start-{role}")
    assert (await run(terminal, command)).code == 0


async def test_an_analysts_command_starts_by_itself(system: Services, servers: Addresses, tmp_path: Path) -> None:
    login = servers.login(access.ANALYST)
    terminal = Terminal(
        tmp_path, {"KAFKA": login.kafka, "KAFKA_USER": access.ANALYST, "KAFKA_PASSWORD": login.password}
    )
    result = await run(terminal, "indicators", "--period", "1999")
    assert (result.code, "0 cells published" in result.out) == (1, True), result.err


async def test_a_usage_error_has_the_same_text_either_way(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {})
    assert await run(terminal, "lag") == await terminal("lag")
    assert await run(terminal, "--help") == await terminal("--help")
