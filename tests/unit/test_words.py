"""Names and prose keep to the glossary (`contracts/README.md`): plain words, and one word for one thing.

``python -m tests.unit.test_words PATH…`` lists what stands in some files or folders.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("contracts", "services", "deploy", "tests")

NO_NAMES = frozenset({"told", "found", "said", "asked", "named", "heard", "walls", "desk", "fellows", "letters"})
"""Not names of anything: a variable says what it holds, a function what it does."""

WORDS = re.compile(
    r"\b(told|reckon(s|ed|ing)?|mend(s|ed|ing)?|by and by|in vain|amid|anew|walls?|desks?|fellows?|census"
    r"|laps(es?|ed|ing)|seldom|shall|shown the door|whom nobody|is to be|are to be|was to be)\b"
    r"|(?<!dead )(?<!dead-)\bletters?\b(?! of the)",
    re.IGNORECASE,
)
"""Archaic or private words. Notify, report or publish; compute or estimate; fix; during; again; access rules; gather;
companions; expired or stale; rarely; must; dead letters."""

SPARED = re.compile(
    r"wall[- ](clock|time)|referral-letter|letters? of (the|a) alphabet|small letters|invitation letter"
    r"|counter\.told\b|_told\b|\btold_|[\"`](un)?(told|letters)[\"`]"
    r"|entry-lapses|lapse-told|not-told|\"lapses\"|sent, ended, told|\"wall\""
)
"""Standard terms; and codes, fields, labels and JSON keys that are public already."""


def names(source: str) -> Iterator[tuple[int, str]]:
    """The names that a file binds, with their lines. Fields of messages are contracts, so they are left out."""
    tree = ast.parse(source)
    fields = {
        id(line.target)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.bases
        for line in node.body
        if isinstance(line, ast.AnnAssign)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields:
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.MatchAs | ast.MatchStar):
            yield node.lineno, node.name or ""


def prose(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Comments and texts of a Python file; every line of another, but for those that name what was renamed."""
    if path.suffix != ".py":
        yield from (
            (number, line)
            for number, line in enumerate(text.splitlines(), 1)
            if "→" not in line and "(was `" not in line
        )
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)):
            yield from enumerate(token.string.splitlines(), token.start[0])


def faults(path: Path) -> list[str]:
    """Each as ``line: word``."""
    text = path.read_text()
    lines = [
        f"{number}: {word[0]!r}" for number, line in prose(path, text) for word in WORDS.finditer(SPARED.sub("", line))
    ]
    if path.suffix == ".py":
        lines += [f"{number}: name {name!r}" for number, name in names(text) if name.strip("_") in NO_NAMES]
    return lines


def files(places: tuple[str, ...] = PLACES) -> Iterator[Path]:
    """Python and Markdown, but not what is generated, nor this file, which has to name the words."""
    for place in places:
        folder = ROOT / place
        for path in sorted([folder] if folder.is_file() else [*folder.rglob("*.py"), *folder.rglob("*.md")]):
            if path.resolve() != Path(__file__).resolve() and "glossary" not in path.name:
                yield path


@pytest.mark.parametrize("path", [*files(), *(ROOT.glob("*.md"))], ids=lambda path: str(path.relative_to(ROOT)))
def test_names_and_prose_keep_to_the_glossary(path: Path) -> None:
    assert faults(path) == []


@pytest.mark.parametrize(
    "source", ["told = 1", "def f(found): ...", "# it is mended", '"""A reckoning of it, anew."""']
)
def test_the_check_finds_what_it_looks_for(source: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(source + "\n")
    assert faults(path)


if __name__ == "__main__":
    for each in files(tuple(sys.argv[1:]) or PLACES):
        for fault in faults(each):
            sys.stdout.write(f"{each.relative_to(ROOT)}:{fault}\n")
