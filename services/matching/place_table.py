"""Reads and writes the rows of places, so that the cost of a decision does not depend on a service's capacity.

Of a service with fewer than `LARGE` places all rows are read. Of a larger one a bitmap is read, a row of the table
``occupied``: ``{_id: <service>, words}``, with the bit of each slot that is taken. The bitmap is only a hint, since it
is written after the rows, and nothing makes both writes one. The rows are right, and each difference is found:

- A bit is missing (a process died after its claim): the next claim of that slot is refused, which sets the bit.
- A bit is left over (a claim was marked after its row had been deleted): `repair` looks at all bits in turns.

Nothing is marked for a smaller service, since most are: that would cost every match a round trip. When such a service
grows, a bitmap that it had before is out of date, and is put right in the same ways.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.chassis.bitmaps import bits, lowest, masks
from services.chassis.ports import Claims, Row

from .capacity import places
from .capacity.places import Places
from .directory.directory import Directory
from .model.entry import DirectoryEntry

TABLE = "occupied"
LARGE = 500
"""From so many places on, a bitmap is read instead of the rows."""
_AT_ONCE = 500
"""Bits that `repair` looks at in one call."""

Doc = dict[str, Any]


class PlaceTable:
    """The places of services, loaded through the `Claims` that `MarkedClaims` wraps."""

    def __init__(self, claims: Claims, large: int = LARGE) -> None:
        self._claims, self._large = claims, large
        self._reached = ("", -1)
        """The service and the slot that `repair` looked at last."""

    async def load(self, entries: Iterable[DirectoryEntry], needs: Iterable[str] = ()) -> Places:
        """The places taken at these services, and the rows of these needs. Raises `TransientError`."""
        small: list[str] = []
        large: list[str] = []
        for entry in entries:
            (large if entry.capacity >= self._large else small).append(entry.id)
        rows = await self._claims.find(places.TABLE, "service", small)
        rows |= await self._claims.find(places.TABLE, "need", needs)
        return Places(rows, await self._occupied(large))

    async def repair(self, directory: Directory) -> None:
        """Remove bits that have no row, among the next `_AT_ONCE`. Raises `TransientError`."""
        large = sorted(entry.id for entry in directory.entries() if entry.capacity >= self._large)
        occupied = await self._occupied([id_ for id_ in large if id_ >= self._reached[0]])
        ids: dict[str, tuple[str, int]] = {}
        for service, taken in sorted(occupied.items()):
            after = self._reached[1] + 1 if service == self._reached[0] else 0
            slots = [after + slot for slot in lowest(taken >> after, _AT_ONCE - len(ids))]
            ids |= {places.row_id(service, slot): (service, slot) for slot in slots}
        self._reached = list(ids.values())[-1] if len(ids) == _AT_ONCE else ("", -1)
        rows = await self._claims.find(places.TABLE, "_id", ids) if ids else {}
        left_over: dict[str, list[int]] = {}
        for row, (service, slot) in ids.items():
            if row not in rows:
                left_over.setdefault(service, []).append(slot)
        await self._claims.mark(TABLE, left_over, present=False)

    async def _occupied(self, services: Sequence[str]) -> dict[str, int]:
        """The bitmaps of services; each is made from the rows when it is first needed."""
        docs = await self._claims.find(TABLE, "_id", services) if services else {}
        occupied = {id_: bits(doc["words"]) for id_, doc in docs.items()}
        for service in services:
            if service not in occupied:
                rows = await self._claims.find(places.TABLE, "service", [service])
                words = masks(places.slot_of(row) for row in rows)
                await self._claims.take([Row(TABLE, service, {"words": words})])  # refused if another was faster
                occupied[service] = bits(words)
        return occupied


class MarkedClaims:
    """Claims of which those of places at large services are marked in the bitmaps. See `Claims`."""

    def __init__(self, claims: Claims, directory: Directory, large: int = LARGE) -> None:
        self._claims, self._directory, self._large = claims, directory, large
        self.put, self.find, self.all, self.page, self.mark = (
            claims.put,
            claims.find,
            claims.all,
            claims.page,
            claims.mark,
        )

    async def take(self, rows: Sequence[Row]) -> set[str]:
        """See `Claims`. A place that is refused is taken too."""
        refused = await self._claims.take(rows)
        await self._mark(rows, present=True)
        return refused

    async def drop(self, rows: Sequence[Row]) -> None:
        """See `Claims`. A bit that is removed although the row is of another match by now is found missing."""
        await self._claims.drop(rows)
        await self._mark(rows, present=False)

    async def _mark(self, rows: Sequence[Row], *, present: bool) -> None:
        slots: Mapping[str, list[int]] = defaultdict(list)
        for row in rows:
            if row.table == places.TABLE and self._is_large(service := places.service_of(row.id)):
                slots[service].append(places.slot_of(row.id))
        if slots:
            await self._claims.mark(TABLE, slots, present=present)

    def _is_large(self, service: str) -> bool:
        entry = self._directory.get(service)
        return entry is not None and entry.capacity >= self._large
