"""Plays the pages of services/console/docs: runs each command, and checks that each line shown is in its output.

```console NAME
$ referrals status            a command, run by a shell in the terminal's folder
L-101 … taken-up …            a line of its output; … stands for anything, and blanks may be of any width
```

A command must end with exit status 0, unless a comment beside it names another, or several.
"""

import asyncio
import os
import re
import shlex
from dataclasses import dataclass, field

from .command import ROOT, Terminal, forked

DOCS = ROOT / "services" / "console" / "docs"
_BLOCK = re.compile(r"```console ?(\S*)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A command, and the lines of its output that the page shows."""

    command: str
    shown: list[str] = field(default_factory=list)


def blocks(page: str) -> dict[str, list[Step]]:
    """The blocks of a page by name; those without a name are under ""."""
    steps_by_name: dict[str, list[Step]] = {}
    for name, text in _BLOCK.findall((DOCS / f"{page}.md").read_text()):
        assert not name or name not in steps_by_name, f"{page} has two blocks {name}"
        steps = steps_by_name.setdefault(name, [])
        for line in text.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:]))
            else:
                steps[-1].shown.append(line)
    return steps_by_name


class Reader:
    """Does what a page says. `actual_ids`: the ids for which the page shows made-up ones."""

    def __init__(self, page: str, terminal: Terminal) -> None:
        self.page, self.terminal, self._blocks = page, terminal, blocks(page)
        self.actual_ids: dict[str, str] = {}
        self.left = set(self._blocks) - {""}
        for step in self._blocks.get("", []):
            name, _, value = step.command.removeprefix("export ").partition("=")
            terminal.env[name] = str(terminal.folder / value)

    async def play(self, *names: str) -> None:
        """Run these blocks. The AssertionError of a failure has the command and its output."""
        for name in names:
            self.left.discard(name)
            for step in self._blocks[name]:
                output = await self._run(self._put(step.command))
                missing = first_missing([self._put(line) for line in step.shown], output)
                assert missing is None, f"{self.page}: $ {step.command}\nmust write {missing!r}, writes:\n{output}"

    def _put(self, text: str) -> str:
        for made_up, actual in self.actual_ids.items():
            text = re.sub(rf"\b{re.escape(made_up)}\b", actual, text)
        return text

    async def _run(self, command: str) -> str:
        script = self.terminal.folder / "bin" / "referrals"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nexec {shlex.join(await asyncio.to_thread(forked))} "$@"\n')
        script.chmod(0o755)
        path = f"{script.parent}:{os.environ['PATH']}"
        process = await asyncio.create_subprocess_exec(
            *("bash", "-ec", command),
            cwd=self.terminal.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.terminal.env, "PATH": path},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        code = str(process.returncode)
        assert code in _ends(command), f"{self.page}: $ {command}\nends with {code}:\n{out.decode()}"
        return out.decode()


def _ends(command: str) -> list[str]:
    """The exit statuses that a command may end with."""
    _, mark, comment = command.partition("# exit status")
    return re.findall(r"\d+", comment) if mark else ["0"]


def first_missing(shown: list[str], output: str) -> str | None:
    """The first shown line that is not in the output, in the order shown; None if all are."""
    lines = iter(output.splitlines())
    for line in shown:
        wanted = [re.escape(word).replace("…", ".*") for word in line.split()]
        pattern = re.compile(r"\s*".join(wanted) if "…" in line else r"\s+".join(wanted))
        if line.strip() != "…" and not any(pattern.search(each) for each in lines):
            return line
    return None
