"""What answers have taught of the directory's entries: which is full, and whose rules are disputed. And what was told.

Rows hold ids of services and needs, nobody's person. A mark is of one version of an entry: a newer entry has none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..model.entry import DirectoryEntry

FULL = "full"
"""A row for each entry that is full: ``{_id: <version>, service, at}``. It can be put again and again."""
DISPUTES = "disputes"
"""A row for each need that a service has called not eligible: ``{_id: "<version>#<number>", service, version, need}``.
Numbered and claimed, so that exactly one decision is the one that makes the rules disputed."""

LAPSES = "lapses"
"""A row for all that a provider was told of an entry that lapses: ``{_id: "<version>#<lapse>", service, version}``. It
only spares the sweep from saying so again and again."""

Doc = dict[str, Any]


class EntryFlags:
    """The rows as they were gathered for a batch, and what the batch has added."""

    def __init__(self, full: Iterable[str] = (), disputes: Mapping[str, Doc] | None = None) -> None:
        self._full = set(full)
        self._disputes: dict[str, Doc] = dict(disputes or {})

    def full(self, entry: DirectoryEntry) -> bool:
        """Whether the service has said of this entry that it has no capacity."""
        return entry.version in self._full

    def services(self) -> set[str]:
        """Those of which any entry has said so."""
        return {version.rpartition("@")[0] for version in self._full}

    def mark_full(self, version: str) -> None:
        """It has said so."""
        self._full.add(version)

    def older(self, entry: DirectoryEntry) -> list[str]:
        """Rows of `FULL` of earlier entries of the service."""
        return sorted(each for each in self._full if _precedes(each, entry.version))

    def dispute(self, row: str, doc: Doc) -> None:
        """A need was called not eligible."""
        self._disputes[row] = doc

    def settled(self, entry: DirectoryEntry) -> list[str]:
        """Rows of `DISPUTES` of earlier entries of the service."""
        return sorted(row for row, doc in self._disputes.items() if _precedes(doc["version"], entry.version))

    def number(self, entry: DirectoryEntry, need: str) -> int:
        """Which of the needs that the service has called not eligible this one is, from 0 on."""
        taken = {
            int(row.rpartition("#")[2]): doc["need"]
            for row, doc in self._disputes.items()
            if doc["version"] == entry.version
        }
        own = next((number for number, each in taken.items() if each == need), None)
        return next(number for number in range(len(taken) + 1) if number not in taken) if own is None else own


def dispute_row(version: str, number: int) -> str:
    """The row of a need that was called not eligible."""
    return f"{version}#{number}"


def lapse_row(version: str, lapse: str) -> str:
    """The row of what was told of an entry's lapsing."""
    return f"{version}#{lapse}"


def told_before(rows: Mapping[str, Mapping[str, Any]], entry: DirectoryEntry) -> list[str]:
    """Rows of `LAPSES` of earlier entries of the service."""
    return sorted(row for row, doc in rows.items() if _precedes(doc["version"], entry.version))


def disputed(rows: Mapping[str, Mapping[str, Any]], after: int) -> dict[str, str]:
    """The versions of entries whose rules are disputed, with the service of each."""
    return {
        doc["version"]: doc["service"] for row, doc in rows.items() if row == dispute_row(doc["version"], after - 1)
    }


def _precedes(one: str, other: str) -> bool:
    """Whether both are versions (``<service>@<offset>``) of one service, and this is the earlier one."""
    (service, _, offset), (same, _, later) = one.rpartition("@"), other.rpartition("@")
    return service == same and int(offset) < int(later)
