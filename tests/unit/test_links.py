"""Every relative link in the documentation leads to a file, and every anchor to a heading. README stays short."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import readme_front

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.splitlines()
)  # fmt: skip
"""Also those not yet committed."""

FENCED = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^()\s>]+)>?\)")
HEADING = re.compile(r"^#{1,6} +(.+?)#*$", re.MULTILINE)


def prose(text: str) -> str:
    """The text without code, in which brackets mean something else."""
    return re.sub(r"`[^`\n]*`", lambda code: "`" + re.sub(r"[\[\]()]", "", code[0][1:-1]) + "`", FENCED.sub("", text))


def links(text: str) -> Iterator[str]:
    """The targets of all links that lead to a file or a heading of this repository."""
    for target in LINK.findall(prose(text)):
        if not re.match(r"[a-z+]+:", target):
            yield target


def anchors(text: str) -> set[str]:
    """The anchors of all headings, as GitHub makes them."""
    count: dict[str, int] = {}
    made = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeated = count.get(anchor, 0)
        count[anchor] = repeated + 1
        made.add(f"{anchor}-{repeated}" if repeated else anchor)
    return made


def broken(page: Path, text: str) -> list[str]:
    """The links of a page with this text that lead nowhere."""
    failed = []
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            failed.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors(text if target == page else target.read_text()):
            failed.append(f"{link}: there is no such heading")
    return failed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text()) == []


def test_all_pages_are_looked_at() -> None:
    assert {ROOT / "README.md", ROOT / "contracts" / "README.md", ROOT / "services" / "README.md"} <= set(PAGES)


@pytest.mark.parametrize(
    "text",
    [
        "[a](missing.md)",
        "[a](#no-such-heading)",
        "![a](missing.svg)",
        "[a](../../../etc/passwd)",
        "[`a[0]`](missing.py)",
    ],
)
def test_the_check_reports_a_link_that_leads_nowhere(text: str) -> None:
    assert len(broken(ROOT / "README.md", f"# README\n\n{text}\n")) == 1


def test_anchors_are_those_of_github() -> None:
    text = "# What is promised?\n\n## `make test`, and more\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n"
    assert anchors(text) == {"what-is-promised", "make-test-and-more", "twice", "twice-1"}


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_readme_has_six_rows_of_the_measured_table() -> None:
    text = readme_front.FRONT.read_text()
    assert readme_front.written(text, readme_front.FULL.read_text()) == text, "run make results"
    rows = re.findall(r"^\| (?:" + "|".join(map(re.escape, readme_front.SIX)) + ")", text, re.MULTILINE)
    assert len(rows) == len(readme_front.SIX)
