"""Services that have no place for anybody, computed once per batch instead of once per need.

They are bits of the directory's index, so that the index can leave them out without looking at them. A service that is
not among them may still have too few places for a particular need.
"""

from collections.abc import Iterable
from typing import NamedTuple

from contracts.intake import NeedRegistered
from contracts.words import Category

from ..directory.directory import Directory
from ..directory.entry_flags import EntryFlags
from ..model.entry import DirectoryEntry
from .places import Places, service_of


class FullBitmaps(NamedTuple):
    """Services of a category, as bits: those that `reported` that they are full, and those with all places `taken`.

    A service may be in both.
    """

    reported: int
    taken: int


class FullServices:
    """Follows the rows of a batch and what the batch claims. A place that it releases stays taken until the next."""

    def __init__(self, directory: Directory, places: Places, entry_flags: EntryFlags) -> None:
        self._directory, self._places, self._entry_flags = directory, places, entry_flags
        self._by_category: dict[Category, tuple[int, FullBitmaps]] = {}

    def for_need(self, need: NeedRegistered) -> FullBitmaps:
        """The services that are full for this need: its own places do not count as taken."""
        reported, taken = self._of_category(need.category)
        for row in self._places.held(need.need_id):
            taken &= ~self._directory.bit(need.category, service_of(row))
        return FullBitmaps(reported, taken)

    def refresh(self, service: str) -> None:
        """Look at this service again: a place was taken, or it reported that it is full."""
        for category, (revision, bitmaps) in self._by_category.items():
            self._by_category[category] = revision, self._with(bitmaps, category, [service])

    def _of_category(self, category: Category) -> FullBitmaps:
        revision, known = self._directory.revision(category), self._by_category.get(category)
        if known is None or known[0] != revision:
            services = {*self._places.services(), *self._entry_flags.services()}
            known = self._by_category[category] = revision, self._with(FullBitmaps(0, 0), category, services)
        return known[1]

    def _with(self, bitmaps: FullBitmaps, category: Category, services: Iterable[str]) -> FullBitmaps:
        reported, taken = bitmaps
        for id_ in services:
            entry = self._directory.get(id_)
            if entry is not None and category in entry.service.categories:
                bit = self._directory.bit(category, id_)
                reported |= bit if self._entry_flags.full(entry) else 0
                taken |= bit if self._all_taken(entry) else 0
        return FullBitmaps(reported, taken)

    def _all_taken(self, entry: DirectoryEntry) -> bool:
        return self._places.taken(entry.id) >= entry.capacity
