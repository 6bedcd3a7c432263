"""How many places there are and how many wait, for those who watch. Pure; no decision looks at it."""

from collections import Counter
from collections.abc import Iterable

from contracts.words import Category

from ..capacity.places import Places
from ..directory.directory import Directory
from ..waitlist.queue import Waiter

CAPACITY, TAKEN = "capacity", "taken"


def places(directory: Directory, held: Places) -> dict[tuple[str, str], int]:
    """Places by category and how they stand, of services that are open to referrals.

    A service of several categories counts in each. Taken ones may be more than there are, where capacity was cut.
    """
    found: Counter[tuple[str, str]] = Counter()
    for category in Category:
        for entry in directory.of(category):
            if entry.service.takes_referrals and not entry.barred:
                found[category.value, CAPACITY] += entry.capacity
                found[category.value, TAKEN] += held.taken(entry.id)
    return dict(found)


def waiting(waiters: Iterable[Waiter]) -> dict[tuple[str, str], int]:
    """Needs that wait, by category and urgency."""
    return dict(Counter((each.need.category.value, each.need.urgency.value) for each in waiters))
