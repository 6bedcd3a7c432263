"""The elimination funnel in its plainest form, rule by rule and service by service. The index must agree with it."""

from collections.abc import Iterable

from contracts.matching import FunnelStep
from services.matching.directory.directory import DirectoryEntry
from services.matching.eligibility.rules import RULES, Case


def funnel(case: Case, entries: Iterable[DirectoryEntry]) -> tuple[list[DirectoryEntry], list[FunnelStep]]:
    """The services that can take the need, and how many each rule left, up to the first that left none."""
    left, steps = list(entries), []
    for rule, fits in RULES:
        left = [entry for entry in left if fits(case, entry)]
        steps.append(FunnelStep(rule=rule, left=len(left)))
        if not left:
            break
    return left, steps
