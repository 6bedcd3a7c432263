"""`make help` lists every target with a line that says what it does."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z-]+):", TEXT, re.MULTILINE)


def test_help_lists_every_target_with_its_line() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = dict(re.findall(r"^(\S+) +(\S.*)$", shown, re.MULTILINE))
    assert sorted(lines) == sorted(TARGETS)


def test_every_target_is_phony() -> None:
    phony = " ".join(re.findall(r"^\.PHONY: (.+)$", TEXT, re.MULTILINE)).split()
    assert sorted(phony) == sorted(TARGETS)
