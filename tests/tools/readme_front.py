"""Copies six rows of the measured table in tests/README.md into README.md: the second half of ``make results``."""

import sys

from .readme_results import BETWEEN, ROOT
from .readme_results import README as FULL

FRONT = ROOT / "README.md"
SIX = (
    "`make simulate`",
    "`make faults`",
    "Kafka away for half a minute",
    "referrals closed a second",
    "publication to the provider's notification",
    "critical needs unmet",
)
"""How the names of the six rows begin."""


def front(full: str) -> str:
    """The head of the full table, and its six rows."""
    head, rule, *rows = [line for line in full.splitlines() if line.startswith("|")]
    chosen = [row for row in rows if row.startswith(tuple(f"| {name}" for name in SIX))]
    return "\n".join([head, rule, *chosen]) + "\n"


def written(readme: str, full: str) -> str:
    """README with the six rows of `full`, the text of tests/README.md. Raises `ValueError` when one has no markers."""
    table = BETWEEN.search(full)
    if table is None or not BETWEEN.search(readme):
        raise ValueError("there is no place for the table: add the lines <!-- make results --> and <!-- end -->")
    return BETWEEN.sub(lambda _: front(table[0]), readme)


if __name__ == "__main__":
    try:
        FRONT.write_text(written(FRONT.read_text(), FULL.read_text()))
    except ValueError as error:
        sys.exit(f"README.md or tests/README.md: {error}")
