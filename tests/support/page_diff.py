"""Changes to the project as `services/README.md` shows them, applied to a copy of it.

A block that opens with ```` ```diff NAME ```` has a section for each file, which begins with ``--- path``, and hunks
that are divided by ``@@``. A line of a hunk begins with ``-`` (removed), ``+`` (added) or a space (context). Removed
lines and context must stand in the file together, exactly once. A hunk of added lines alone creates its file.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "services" / "README.md"
COPIED = ("contracts", "services", "deploy", "tests", "docker-compose.yml", "pyproject.toml", "README.md")


class Hunk(NamedTuple):
    """One place to change: `old` is what stands in the file, `new` what takes its place."""

    path: str
    old: str
    new: str


def hunks(page: str, name: str) -> Iterator[Hunk]:
    """The hunks of a page's diff with this name. Raises `LookupError` when there is none."""
    block = re.search(rf"^```diff {name}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    if block is None:
        raise LookupError(f"the page has no block ```diff {name}")
    for section in re.split(r"^--- ", block[1], flags=re.MULTILINE)[1:]:
        path, _, body = section.partition("\n")
        for hunk in re.split(r"^@@\n", body, flags=re.MULTILINE):
            lines = [line if line.strip() else " \n" for line in hunk.splitlines(keepends=True)]
            old, new = ("".join(line[1:] for line in lines if line[0] in kept) for kept in ("- ", "+ "))
            yield Hunk(path, old, new)


def apply(tree: Path, changes: Iterable[Hunk]) -> list[Path]:
    """Change the files of a tree. Returns the changed files. Raises `LookupError` when a hunk does not fit."""
    changed: dict[Path, None] = {}
    for path, old, new in changes:
        file = tree / path
        changed[file] = None
        if not old:
            if file.exists():
                raise LookupError(f"{path} exists already, although services/README.md creates it")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(new)
            continue
        if not file.exists():
            raise LookupError(f"there is no {path}, which services/README.md changes")
        text = file.read_text()
        if text.count(old) != 1:
            raise LookupError(
                f"{path} has these lines {text.count(old)} times, services/README.md needs them once:\n{old}"
            )
        file.write_text(text.replace(old, new))
    return list(changed)


def copy_project(to: Path) -> None:
    """Copy all that tests and linters of a changed project need."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, to / name)
