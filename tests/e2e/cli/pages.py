"""The pages of services/console/docs, played as they stand: each command is run, each line that is shown has to come.

```console NAME
$ referrals status            a command, run by a shell in the desk's folder
L-101 … taken-up …            a line of what it says; … is anything, and blanks are as wide as they like
```

A command ends with exit status 0, unless a comment beside it says another, or which it may be.
"""

import asyncio
import os
import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .command import Desk

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "services" / "console" / "docs"
_BLOCK = re.compile(r"```console ?(\S*)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A command, and the lines that are shown of its answer."""

    command: str
    shown: list[str] = field(default_factory=list)


def blocks(page: str) -> dict[str, list[Step]]:
    """The named blocks of a page, and under "" its others."""
    found: dict[str, list[Step]] = {}
    for name, text in _BLOCK.findall((DOCS / f"{page}.md").read_text()):
        assert not name or name not in found, f"{page} has two blocks {name}"
        steps = found.setdefault(name, [])
        for line in text.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:]))
            else:
                steps[-1].shown.append(line)
    return found


class Reader:
    """Somebody who does what a page says. `meant`: what the page's made-up ids stand for."""

    def __init__(self, page: str, desk: Desk) -> None:
        self.page, self.desk, self._blocks = page, desk, blocks(page)
        self.meant: dict[str, str] = {}
        self.left = set(self._blocks) - {""}
        for step in self._blocks.get("", []):
            name, _, value = step.command.removeprefix("export ").partition("=")
            desk.env[name] = str(desk.folder / value)

    async def plays(self, *names: str) -> None:
        """Run these blocks. AssertionError names the command and what it said."""
        for name in names:
            self.left.discard(name)
            for step in self._blocks[name]:
                said = await self._run(self._put(step.command))
                missing = first_missing([self._put(line) for line in step.shown], said)
                assert missing is None, f"{self.page}: $ {step.command}\nshall say {missing!r}, says:\n{said}"

    def _put(self, text: str) -> str:
        for made_up, real in self.meant.items():
            text = re.sub(rf"\b{re.escape(made_up)}\b", real, text)
        return text

    async def _run(self, command: str) -> str:
        shim = self.desk.folder / "bin" / "referrals"
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m services.console "$@"\n')
        shim.chmod(0o755)
        process = await asyncio.create_subprocess_exec(
            *("bash", "-ec", command),
            cwd=self.desk.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.desk.env, "PATH": f"{shim.parent}:{os.environ['PATH']}"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        code = str(process.returncode)
        assert code in _ends(command), f"{self.page}: $ {command}\nends with {code}:\n{out.decode()}"
        return out.decode()


def _ends(command: str) -> list[str]:
    """The exit statuses that a command may have."""
    _, said, comment = command.partition("# exit status")
    return re.findall(r"\d+", comment) if said else ["0"]


def first_missing(shown: list[str], said: str) -> str | None:
    """The first line of those shown that does not come, in their order; None where all do."""
    lines = iter(said.splitlines())
    for line in shown:
        wanted = [re.escape(word).replace("…", ".*") for word in line.split()]
        pattern = re.compile(r"\s*".join(wanted) if "…" in line else r"\s+".join(wanted))
        if line.strip() != "…" and not any(pattern.search(each) for each in lines):
            return line
    return None
