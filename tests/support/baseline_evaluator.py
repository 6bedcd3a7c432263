"""The elimination funnel as it reads: rule after rule, service after service. What the index has to agree with."""

from collections.abc import Iterable

from contracts.matching import FunnelStep
from services.matching.directory.directory import DirectoryEntry
from services.matching.eligibility.rules import RULES, Case


def funnel(case: Case, entries: Iterable[DirectoryEntry]) -> tuple[list[DirectoryEntry], list[FunnelStep]]:
    """The services that can take the need, and how many were left after each rule, up to the one that left none."""
    left, steps = list(entries), []
    for rule, fits in RULES:
        left = [entry for entry in left if fits(case, entry)]
        steps.append(FunnelStep(rule=rule, left=len(left)))
        if not left:
            break
    return left, steps
