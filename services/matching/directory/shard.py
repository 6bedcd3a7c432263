"""The services of one category, each with a bit, and the bitmaps of these bits. `index` explains how they are used."""

from collections.abc import Callable, Iterable
from datetime import date

from ..eligibility.rules import valid
from ..model.entry import DirectoryEntry
from . import bitmaps
from .bitmaps import ANY_LANGUAGE, DATED, IN_CATEGORY, LANGUAGE, OPEN, Key
from .bits import positions, without


class Shard:
    """The services of one category.

    `bitmaps` by key; empty ones are left out. `revision` changes whenever anything else does. `open_today` and
    `stale_today` are bitmaps too, as of the day of the last `refresh`.
    """

    def __init__(self) -> None:
        self.bitmaps: dict[Key, int] = {}
        self.revision = 0
        self.open_today = 0
        self.stale_today = 0
        self._entries: list[DirectoryEntry] = []
        """By bit. Removed entries stay until their bit is used again."""
        self._bits: dict[str, int] = {}
        """The bit of each service, by its id."""
        self._unused_bits: list[int] = []
        self._day: date | None = None
        self._dates_changed = True

    # entries ---------------------------------------------------------------------------------------------------------

    def put(self, entry: DirectoryEntry) -> None:
        """Add an entry, or replace an earlier one of the same service."""
        self.revision += 1
        bit = self._bits.get(entry.id)
        if bit is not None:
            old, self._entries[bit] = self._entries[bit], entry
            self._update_bitmaps(bit, old, entry)
        else:
            bit = self._unused_bits.pop() if self._unused_bits else len(self._entries)
            self._entries[bit : bit + 1] = [entry]
            self._bits[entry.id] = bit
            self._update_bitmaps(bit, None, entry)
        self._update_stale(bit, entry)

    def remove(self, id_: str) -> None:
        """Remove a service, if it is here."""
        self.revision += 1
        bit = self._bits.pop(id_, None)
        if bit is not None:
            self._update_bitmaps(bit, self._entries[bit], None)
            self._unused_bits.append(bit)

    def entries(self) -> list[DirectoryEntry]:
        """All entries, open or not."""
        return [self._entries[bit] for bit in self._bits.values()]

    def at(self, bitmap: int) -> list[DirectoryEntry]:
        """The entries in a bitmap."""
        entries = self._entries
        return [entries[bit] for bit in positions(bitmap)]

    def only(self, bitmap: int, accepts: Callable[[DirectoryEntry], bool]) -> int:
        """A bitmap without the entries that are not accepted, looked at one by one."""
        for bit in positions(bitmap):
            if not accepts(self._entries[bit]):
                bitmap ^= 1 << bit
        return bitmap

    def bit(self, id_: str) -> int:
        """A bitmap with this service alone; 0 if it is not here."""
        bit = self._bits.get(id_)
        return 0 if bit is None else 1 << bit

    def present(self, ids: Iterable[str]) -> set[str]:
        """Those of these services that are here."""
        return self._bits.keys() & ids

    def share_speaking(self, languages: Iterable[str]) -> float:
        """The share of services that speak one of these languages or state none. 1 if there are no services."""
        all_services, speaking = self.bitmaps.get(IN_CATEGORY, 0), self.bitmaps.get(ANY_LANGUAGE, 0)
        for language in languages:
            speaking |= self.bitmaps.get((LANGUAGE, language), 0)
        return (all_services & speaking).bit_count() / all_services.bit_count() if all_services else 1.0

    # what depends on the day -----------------------------------------------------------------------------------------

    def refresh(self, day: date) -> None:
        """Bring `open_today` and `stale_today` up to a day. Does nothing if no dates have changed."""
        if day != self._day:
            self._day, self._dates_changed = day, True
            self.stale_today = sum(1 << bit for bit in self._bits.values() if _is_stale(self._entries[bit], day))
        if self._dates_changed:
            self._dates_changed = False
            within_dates = self.only(self.bitmaps.get(DATED, 0), lambda entry: valid(entry.service, day))
            self.open_today = self.bitmaps.get(OPEN, 0) | within_dates

    def _update_stale(self, bit: int, entry: DirectoryEntry) -> None:
        """For one bit: entries are published all the time, and looking at all of them each time would be too slow."""
        self.stale_today = without(self.stale_today, 1 << bit)
        if self._day is not None and _is_stale(entry, self._day):
            self.stale_today |= 1 << bit

    # bitmaps ---------------------------------------------------------------------------------------------------------

    def _update_bitmaps(self, bit: int, old: DirectoryEntry | None, new: DirectoryEntry | None) -> None:
        """Flip the bit in every bitmap that exactly one of the two entries is in."""
        flipped = 1 << bit
        for part in bitmaps.changed_parts(old, new) if old and new else bitmaps.PARTS:
            for key in (part.keys(old) if old else set()) ^ (part.keys(new) if new else set()):
                bitmap = self.bitmaps.get(key, 0) ^ flipped
                if bitmap:
                    self.bitmaps[key] = bitmap
                else:
                    del self.bitmaps[key]
            if part.dated:
                self._dates_changed = True


def _is_stale(entry: DirectoryEntry, day: date) -> bool:
    return entry.confirmed_until is not None and entry.confirmed_until < day
