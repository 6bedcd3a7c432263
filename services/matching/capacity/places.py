"""Places as rows: a service with 12 places has slots 0 to 11, and holding one is a row of the table ``places``.

So two matchers can never take the same place, and there is no counter to drift. Who is to be served together has a row
for each, claimed in one decision: one that is refused means all are decided again, and none is kept alone. A row is
``{_id: "<provider>/<service>:<slot>", need, match, service, referral}``.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any

from contracts.ids import derived_id

from ..model.entry import DirectoryEntry

TABLE = "places"
Doc = dict[str, Any]
_NONE: Mapping[int, Doc] = {}


def row_id(service: str, slot: int) -> str:
    """The row of a slot; `service` is the id among all providers."""
    return f"{service}:{slot}"


def service_of(row: str) -> str:
    """The service a row is a place of."""
    return row.rpartition(":")[0]


def match_id(need: str, attempt: int) -> str:
    """The match of a need's attempt: the same however often it is decided."""
    return derived_id("match", need, attempt)


def document(need: str, match: str, service: str, referral: str) -> Doc:
    """What a row holds."""
    return {"need": need, "match": match, "service": service, "referral": referral}


class Places:
    """The rows as they were gathered for a batch, less what the batch has taken since.

    A place that the batch gives back stays taken until the next batch: its row is deleted only after the facts are
    stored, and until then nobody could claim it.
    """

    def __init__(self, rows: Mapping[str, Doc] | None = None) -> None:
        self._by_service: dict[str, dict[int, Doc]] = {}
        self._by_need: dict[str, dict[str, Doc]] = {}
        self._own: dict[tuple[str, str], dict[int, Doc]] = {}  # by service and need; a service may have 100,000 places
        self._returned: set[tuple[str, str]] = set()
        for row, doc in (rows or {}).items():
            self.take(row, doc)

    def take(self, row: str, doc: Doc) -> None:
        """Count a row as taken."""
        service, _, slot = row.rpartition(":")
        self._by_service.setdefault(service, {})[int(slot)] = doc
        self._by_need.setdefault(doc["need"], {})[row] = doc
        self._own.setdefault((service, doc["need"]), {})[int(slot)] = doc

    def give_back(self, row: str) -> None:
        """The need does not hold it any more, yet it is not free before the next batch."""
        service, _, slot = row.rpartition(":")
        doc = self._by_service.get(service, {}).get(int(slot))
        if doc is not None:
            self._by_need[doc["need"]].pop(row, None)
            self._returned.add((service, doc["need"]))

    def services(self) -> Iterable[str]:
        """Where any place is taken, by id."""
        return self._by_service

    def taken(self, service: str) -> int:
        """How many places of a service are."""
        return len(self._by_service.get(service, _NONE))

    def held(self, need: str) -> dict[str, Doc]:
        """The rows a need holds, rightly or not."""
        return dict(self._by_need.get(need, {}))

    def free(self, entry: DirectoryEntry, need: str = "", match: str = "") -> int:
        """How many places this match could have. One that it holds already (it died before it was stored) is one.

        0 while the need still holds a place here for another match, and where it has given one back in this batch: that
        one goes first.
        """
        taken = self._by_service.get(entry.id, _NONE)
        free = entry.capacity - len(taken)
        if need in self._by_need:  # most needs hold nothing anywhere
            if (entry.id, need) in self._returned:
                return 0
            own = self._own.get((entry.id, need), _NONE).values()
            if any(doc["match"] != match for doc in own):
                return 0
            free += len(own)
        return free if free > 0 else 0

    def pick(self, entry: DirectoryEntry, need: str, match: str, count: int = 1) -> list[int]:
        """The slots to claim where `free` is at least `count`. What this match holds already is claimed again.

        Matchers start looking at different slots, so they rarely meet.
        """
        taken, capacity = self._by_service.get(entry.id, {}), entry.capacity
        own = (slot for slot in self._own.get((entry.id, need), ()) if slot < capacity)
        start = int(match[:8], 16) % capacity
        around = (slot % capacity for slot in range(start, start + capacity))
        return list(islice(chain(own, (slot for slot in around if slot not in taken)), count))
