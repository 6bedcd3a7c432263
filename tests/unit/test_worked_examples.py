"""The four worked examples in `services/README.md`: each diff applies, and the tests it names pass afterwards."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.page_diff import PAGE, apply, copy_project, hunks

TEXT = PAGE.read_text()
EXAMPLES = {
    "decline": ["tests/unit/matching/domain/test_declines.py"],
    "rule": ["tests/unit/matching/eligibility/test_cost.py", "tests/contract/test_texts.py"],
    "field": ["tests/unit/intake/admission/test_interpreter.py"],
    "metric": ["tests/unit/chassis/telemetry/test_postponed.py", "tests/unit/deploy/observability"],
}


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=tree, env=env, capture_output=True, text=True, timeout=150
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_works_as_the_page_says(name: str, tmp_path: Path) -> None:
    copy_project(tmp_path)
    changed = [str(file) for file in apply(tmp_path, hunks(TEXT, name)) if file.suffix == ".py"]
    for command in (
        ["ruff", "check", "--extend-ignore=E501", *changed],
        ["ruff", "format", "--check", *changed],
        ["pytest", *EXAMPLES[name]],
    ):
        done = run(tmp_path, *command)
        assert done.returncode == 0, f"{name}: {' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def test_the_page_names_the_tests_that_are_run() -> None:
    lines = re.findall(r"^Test: (.+)$", TEXT, re.MULTILINE)
    assert len(lines) == len(EXAMPLES)
    for line, paths in zip(lines, EXAMPLES.values(), strict=True):
        assert [path for path in paths if path not in line] == []


def test_a_hunk_that_does_not_fit_is_reported_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one = 1\n")
    page = "```diff x\n--- a.py\n-two = 2\n+two = 3\n```\n"
    with pytest.raises(LookupError, match=r"a\.py has these lines 0 times"):
        apply(tmp_path, hunks(page, "x"))
    with pytest.raises(LookupError, match="no block"):
        list(hunks(page, "y"))
