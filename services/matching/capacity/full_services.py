"""Which services have no place for anybody, found once for a batch instead of for each need.

As bits of the `index`, so that they are left out of what it finds without being looked at. A service that is not among
them may still have too few places for a need.
"""

from collections.abc import Iterable
from typing import NamedTuple

from contracts.words import Category

from ..directory.directory import Directory
from ..directory.entry_flags import EntryFlags
from ..model.entry import DirectoryEntry
from .places import Places


class Bits(NamedTuple):
    """Services of a category: `said`, those that have said that they have no capacity; `taken`, whose places all are.

    One that has said so may be in both.
    """

    said: int
    taken: int


class Full:
    """Of the rows of a batch, and what it takes. A place that it gives back stays taken until the next batch."""

    def __init__(self, directory: Directory, places: Places, marks: EntryFlags) -> None:
        self._directory, self._places, self._marks = directory, places, marks
        self._known: dict[Category, tuple[int, Bits]] = {}

    def of(self, category: Category) -> Bits:
        """As of now."""
        revision, known = self._directory.revision(category), self._known.get(category)
        if known is None or known[0] != revision:
            services = {*self._places.services(), *self._marks.services()}
            known = self._known[category] = revision, self._with(Bits(0, 0), category, services)
        return known[1]

    def look(self, service: str) -> None:
        """A place of this service was taken, or it has said that it has none."""
        for category, (revision, bits) in self._known.items():
            self._known[category] = revision, self._with(bits, category, [service])

    def _with(self, bits: Bits, category: Category, services: Iterable[str]) -> Bits:
        said, taken = bits
        for id_ in services:
            entry = self._directory.get(id_)
            if entry is not None and category in entry.service.categories:
                bit = self._directory.bit(category, id_)
                said |= bit if self._marks.full(entry) else 0
                taken |= bit if self._full(entry) else 0
        return Bits(said, taken)

    def _full(self, entry: DirectoryEntry) -> bool:
        return self._places.taken(entry.id) >= entry.capacity
