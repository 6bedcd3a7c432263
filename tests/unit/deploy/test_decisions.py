"""Decision records are short and complete, and their links work."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "deploy" / "decisions"
RECORDS = sorted(FOLDER.glob("0*.md"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_short_and_complete(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith(f"# {int(path.stem[:4])}. ")
    parts = [line for line in lines if line.startswith("## ")]
    assert parts == ["## Context", "## Decision", "## Consequences", "## What would change it"]


@pytest.mark.parametrize("path", [*RECORDS, FOLDER / "README.md"], ids=lambda path: path.stem)
def test_every_link_works(path: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", path.read_text())
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []


def test_every_record_is_listed() -> None:
    listed = re.findall(r"^\d+\. \[(.+)\]\((.+)\)$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    titles = [(path.read_text().splitlines()[0].split(". ", 1)[1], path.name) for path in RECORDS]
    assert listed == titles
