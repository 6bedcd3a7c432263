"""The command `referrals` as a process of its own: under the operator's login, or an organisation's."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.cluster import credentials_file, tenants
from deploy.local.stack import Addresses
from tests.e2e.actors import PATIENCE

Referrals = Callable[..., Awaitable["Said"]]
SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"


@dataclass(frozen=True)
class Said:
    """What a command said. For an operator's mistake: one line on stderr, no traceback, nothing on stdout."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def mistake(self, of: str) -> None:
        assert (self.code, self.out) == (2, "")
        assert of in self.err
        assert "Traceback" not in self.err

    def refused(self, why: str) -> None:
        assert (self.code, self.out) == (1, "")
        assert why in self.err
        assert "Traceback" not in self.err


class Desk:
    """Somebody who gives commands, in a folder of their own. `env`: what is said by the environment."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env

    async def __call__(self, *arguments: object, stdin: bytes = b"", **changed: str) -> Said:
        """Run a command to its end; keywords are settings by name."""
        process = await self.start(*arguments, **changed)
        out, err = await process.communicate(stdin)
        return Said(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def following(self, *arguments: object) -> AsyncIterator["Lines"]:
        """Run a command that goes on; it is stopped at the end by what Ctrl-C sends, and that is no failure."""
        process = await self.start(*arguments)
        try:
            yield Lines(process)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.communicate(), PATIENCE)
            except TimeoutError:
                process.kill()
        assert process.returncode == 0

    async def start(self, *arguments: object, **changed: str) -> asyncio.subprocess.Process:
        """Begin a command, for the caller to end."""
        changes = {f"REFERRALS_{name.upper()}": value for name, value in changed.items()}
        here = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.console", *map(str, arguments)),
            cwd=self.folder,
            env={**os.environ, **here, **self.env, **changes},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=interruptible,
        )


def interruptible() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and children of that too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Lines:
    """What a command says while it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []

    async def until(self, *words: str) -> str:
        """The first line, said already or to come, that has all of these words."""
        seen = 0
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    for line in self.said[seen:]:
                        if all(word in line for word in words):
                            return line
                    seen = len(self.said)
                    await self._read()
        except TimeoutError:
            raise AssertionError(f"no line with {words} came in {PATIENCE} s; what came: {self.said}") from None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise AssertionError(f"the command has ended: {(await self._process.stderr.read()).decode()}")
        self.said.append(line.decode().rstrip("\n"))


async def taken_in(servers: Addresses, folder: Path, kind: str, tenant: str) -> Desk:
    """The desk of an organisation, with a file of what is handed over when it is taken in."""
    given = await asyncio.to_thread(tenants.onboard, servers.operator, kind, tenant, tenant)
    lines = credentials_file.lines(given, servers.kafka, servers.ca)
    if not given.logins:  # a Kafka without walls: who one is has to be said
        lines += [f"KAFKA_USER={role}:{tenant}" for role in ("agency", "provider") if kind in (role, "both")]
    file = folder / f"{tenant}.env"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines))
    return Desk(folder, {"REFERRALS_LOGIN": str(file)})
