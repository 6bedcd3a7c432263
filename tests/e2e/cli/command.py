"""The command `referrals`, run as a process under the operator's login or an organisation's."""

import asyncio
import atexit
import functools
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.cluster import credentials_file, tenants
from deploy.local.process import Process
from deploy.local.stack import Addresses
from tests.e2e.actors import PATIENCE

Referrals = Callable[..., Awaitable["CommandResult"]]
ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "deploy" / "samples"
WITH_ITS_OWN_INTERPRETER = (sys.executable, "-m", "services.console")
"""A command as people run it; it imports everything first."""


@functools.cache
def forked() -> tuple[str, ...]:
    """The same command in a fork of a process that has imported everything. That process starts at the first call."""
    folder = tempfile.TemporaryDirectory(prefix="commands-")
    atexit.register(folder.cleanup)
    address = Path(folder.name) / "socket"
    server = Process(
        "commands",
        [sys.executable, "-m", "tests.e2e.cli.fork_server", str(address)],
        Path(folder.name) / "log",
        address.exists,
        {"PYTHONPATH": str(ROOT)},
    )
    server.start()
    client = Path(__file__).with_name("forked_command.py")
    return (sys.executable, "-I", "-S", str(client), str(address))


@dataclass(frozen=True)
class CommandResult:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def is_usage_error(self, text: str) -> None:
        """Check for exit status 2, `text` on stderr, no traceback, and nothing on stdout."""
        self._failed(2, text)

    def is_refused(self, text: str) -> None:
        """Check for exit status 1, `text` on stderr, no traceback, and nothing on stdout."""
        self._failed(1, text)

    def _failed(self, code: int, text: str) -> None:
        assert (self.code, self.out) == (code, "")
        assert text in self.err
        assert "Traceback" not in self.err


class Terminal:
    """Runs commands in a folder of its own; `env` is added to the environment of each."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env

    async def __call__(self, *arguments: object, stdin: bytes = b"", **changed: str) -> CommandResult:
        """Run a command to its end; keywords are settings by name, without the prefix."""
        process = await self.start(*arguments, program=await asyncio.to_thread(forked), **changed)
        out, err = await process.communicate(stdin)
        return CommandResult(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def following(self, *arguments: object) -> AsyncIterator["Lines"]:
        """Run a command that goes on until SIGINT, which is sent when the block ends; it must end with status 0."""
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

    async def start(
        self, *arguments: object, program: tuple[str, ...] = WITH_ITS_OWN_INTERPRETER, **changed: str
    ) -> asyncio.subprocess.Process:
        """Start a command; the caller ends it."""
        changes = {f"REFERRALS_{name.upper()}": value for name, value in changed.items()}
        search_path = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        return await asyncio.create_subprocess_exec(
            *(*program, *map(str, arguments)),
            cwd=self.folder,
            env={**os.environ, **search_path, **self.env, **changes},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=take_sigint,
        )


def take_sigint() -> None:
    """Handle SIGINT in a child: what a shell starts in the background ignores it, and so do its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Lines:
    """The lines that a command writes to stdout while it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def until(self, *words: str) -> str:
        """Return the first line, of those already read and those to come, that has all of these words."""
        checked = 0
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    for line in self.lines[checked:]:
                        if all(word in line for word in words):
                            return line
                    checked = len(self.lines)
                    await self._read()
        except TimeoutError:
            raise AssertionError(f"no line with {words} within {PATIENCE} s; lines: {self.lines}") from None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise AssertionError(f"the command has ended: {(await self._process.stderr.read()).decode()}")
        self.lines.append(line.decode().rstrip("\n"))


async def onboard(servers: Addresses, folder: Path, kind: str, tenant: str) -> Terminal:
    """Onboard a tenant and return its terminal, with its credentials file in `folder`."""
    issued = await asyncio.to_thread(tenants.onboard, servers.operator, kind, tenant, tenant)
    lines = credentials_file.lines(issued, servers.kafka, servers.ca)
    if not issued.logins:  # a Kafka without access control: the file must name the user
        lines += [f"KAFKA_USER={role}:{tenant}" for role in ("agency", "provider") if kind in (role, "both")]
    file = folder / f"{tenant}.env"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines))
    return Terminal(folder, {"REFERRALS_LOGIN": str(file)})
