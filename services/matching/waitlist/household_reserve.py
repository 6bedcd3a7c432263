"""Keeps places empty for a household that has waited too long, until there are enough for all of its members.

Otherwise single people would take each place that is released, and a family would never be served. Places are kept only
once the household's patience is over, and at one service only, the largest that can take it: a large family must not
empty a whole region. A service that reported that it is full does not count, since nobody is sent there.
"""

from datetime import datetime

from ..directory.directory import Directory
from ..directory.entry_flags import EntryFlags
from ..model.entry import DirectoryEntry
from ..model.limits import Limits
from .queue import Waiter, patience_over


class HouseholdReserve:
    """Remembers for each household, for the length of a batch, at which service places are kept for it."""

    def __init__(self, directory: Directory, entry_flags: EntryFlags) -> None:
        self._directory, self._entry_flags = directory, entry_flags
        self._service_by_need: dict[str, str] = {}

    def keeps(self, waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits) -> bool:
        """Whether places of this service are kept for this need."""
        if waiter.need.places == 1 or not patience_over(waiter, now, limits):
            return False
        if waiter.id not in self._service_by_need:
            able = self._directory.find(waiter.case(now, limits.retry_after)).entries
            able = [each for each in able if not self._entry_flags.full(each)]
            largest = max(able, key=lambda each: (each.capacity, each.id), default=None)
            self._service_by_need[waiter.id] = largest.id if largest else ""
        return self._service_by_need[waiter.id] == entry.id

    def forget(self) -> None:
        """Choose the services again: one of them reported that it is full."""
        self._service_by_need.clear()
