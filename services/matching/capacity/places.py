"""Places as rows: a service with 12 places has slots 0 to 11, and a taken place is a row of the table ``places``.

So two matchers can never take the same place, and there is no counter to drift. People who are served together have a
row each, claimed in one decision: if one claim is refused, the whole decision is made again and no single row is kept.
A row is ``{_id: "<provider>/<service>:<slot>", need, match, service, referral}``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.ids import derived_id
from services.chassis.bitmaps import lowest

from ..model.entry import DirectoryEntry

TABLE = "places"
Doc = dict[str, Any]
_NONE: Mapping[int, Doc] = {}


def row_id(service: str, slot: int) -> str:
    """The row id of a slot; `service` is the id among all providers."""
    return f"{service}:{slot}"


def service_of(row: str) -> str:
    """The service that a row belongs to."""
    return row.rpartition(":")[0]


def slot_of(row: str) -> int:
    """The slot that a row is about."""
    return int(row.rpartition(":")[2])


def match_id(need: str, attempt: int) -> str:
    """The match id of a need's attempt: the same however often the attempt is decided."""
    return derived_id("match", need, attempt)


def document(need: str, match: str, service: str, referral: str) -> Doc:
    """The content of a row."""
    return {"need": need, "match": match, "service": service, "referral": referral}


class Places:
    """Which places are taken: the rows loaded for a batch, and those that the batch has taken since.

    `occupied` are the taken slots of services whose rows were not loaded, as bitmaps. They may be out of date (see
    `place_table`); rows are right. A place that the batch releases stays taken until the next batch: its row is deleted
    only after the facts are stored, and until then nobody could claim it.
    """

    def __init__(self, rows: Mapping[str, Doc] | None = None, occupied: Mapping[str, int] | None = None) -> None:
        self._taken: dict[str, int] = dict(occupied or {})
        self._counts = {service: taken.bit_count() for service, taken in self._taken.items()}
        self._by_need: dict[str, dict[str, Doc]] = {}
        self._own: dict[tuple[str, str], dict[int, Doc]] = {}  # by service and need; a service may have 100,000 places
        self._needs: dict[str, str] = {}
        self._released: set[tuple[str, str]] = set()
        for row, doc in (rows or {}).items():
            self.take(row, doc)

    def take(self, row: str, doc: Doc) -> None:
        """Count a row as taken."""
        service, _, number = row.rpartition(":")
        slot, taken = int(number), self._taken.get(service, 0)
        if not taken >> slot & 1:
            self._taken[service] = taken | 1 << slot
            self._counts[service] = self._counts.get(service, 0) + 1
        self._needs[row] = need = doc["need"]
        self._by_need.setdefault(need, {})[row] = doc
        self._own.setdefault((service, need), {})[slot] = doc

    def release(self, row: str) -> None:
        """The need no longer holds this place, but it is not free before the next batch."""
        need = self._needs.get(row)
        if need is not None:
            self._by_need[need].pop(row, None)
            self._released.add((service_of(row), need))

    def services(self) -> Iterable[str]:
        """The ids of the services where any place is taken."""
        return self._taken

    def taken(self, service: str) -> int:
        """How many places of a service are taken."""
        return self._counts.get(service, 0)

    def held(self, need: str) -> dict[str, Doc]:
        """The rows that name this need, rightly or not."""
        return dict(self._by_need.get(need, {}))

    def free(self, entry: DirectoryEntry, need: str = "", match: str = "") -> int:
        """How many places this match could have; a place that it already holds counts.

        It holds one where the claim was made and the process died before the match was stored. 0 while the need still
        holds a place here for another match, or has released one in this batch: that row must go first.
        """
        free = entry.capacity - self._counts.get(entry.id, 0)
        if need in self._by_need:  # most needs hold nothing anywhere
            if (entry.id, need) in self._released:
                return 0
            own = self._own.get((entry.id, need), _NONE).values()
            if any(doc["match"] != match for doc in own):
                return 0
            free += len(own)
        return free if free > 0 else 0

    def pick(self, entry: DirectoryEntry, need: str, match: str, count: int = 1) -> list[int]:
        """The slots to claim where `free` is at least `count`. Slots that this match already holds are claimed again.

        Matches start at different slots, so that matchers rarely claim the same one.
        """
        capacity = entry.capacity
        own = [slot for slot in self._own.get((entry.id, need), ()) if slot < capacity]
        free = ~self._taken.get(entry.id, 0) & ((1 << capacity) - 1)
        start = int(match[:8], 16) % capacity
        behind = [start + slot for slot in lowest(free >> start, count)]
        before = lowest(free & ((1 << start) - 1), count)
        return [*own, *behind, *before][:count]
