"""Counts places and waiting needs, for the metrics. Pure; no decision depends on it."""

from collections import Counter
from collections.abc import Iterable

from contracts.words import Category

from ..capacity.places import Places
from ..directory.directory import Directory
from ..waitlist.queue import Waiter

CAPACITY, TAKEN = "capacity", "taken"


def places(directory: Directory, held: Places) -> dict[tuple[str, str], int]:
    """Places by category and `CAPACITY` or `TAKEN`, of services that take referrals.

    A service of several categories counts in each. More may be taken than there are, where a capacity was reduced.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for category in Category:
        for entry in directory.of(category):
            if entry.service.takes_referrals and not entry.barred:
                counts[category.value, CAPACITY] += entry.capacity
                counts[category.value, TAKEN] += held.taken(entry.id)
    return dict(counts)


def waiting(waiters: Iterable[Waiter]) -> dict[tuple[str, str], int]:
    """Waiting needs by category and urgency."""
    return dict(Counter((each.need.category.value, each.need.urgency.value) for each in waiters))
