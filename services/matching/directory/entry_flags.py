"""What providers' answers have shown about directory entries: which are full, and whose rules are disputed.

Also which notices about expiry have been sent. The rows hold ids of services and needs, and nothing about people. A row
is about one version of an entry: when the provider publishes a newer one, its flags are gone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..model.entry import DirectoryEntry

FULL = "full"
"""A row for each entry that is full: ``{_id: <version>, service, at}``. Putting it again changes nothing."""
DISPUTES = "disputes"
"""A row for each need that a service has called not eligible: ``{_id: "<version>#<number>", service, version, need}``.

The rows are numbered and claimed, so that exactly one decision makes the rules disputed.
"""
EXPIRY_NOTICES = "lapses"
"""A row for each notice about expiry: ``{_id: "<version>#<stage>", service, version}``.

It only saves the sweep from raising the same event again; the journal decides whether a notice was sent.
"""

Doc = dict[str, Any]


class EntryFlags:
    """The rows as they were gathered for a batch, and what the batch has added to them."""

    def __init__(self, full: Iterable[str] = (), disputes: Mapping[str, Doc] | None = None) -> None:
        self._full = set(full)
        self._disputes: dict[str, Doc] = dict(disputes or {})

    # full ------------------------------------------------------------------------------------------------------------

    def full(self, entry: DirectoryEntry) -> bool:
        """Whether the service has answered that it has no capacity, since it published this entry."""
        return entry.version in self._full

    def services(self) -> set[str]:
        """The services with a row of `FULL` for any of their entries."""
        return {version.rpartition("@")[0] for version in self._full}

    def mark_full(self, version: str) -> None:
        """Note that the service has answered that it has no capacity."""
        self._full.add(version)

    def older(self, entry: DirectoryEntry) -> list[str]:
        """The rows of `FULL` for earlier entries of the service."""
        return sorted(version for version in self._full if _precedes(version, entry.version))

    # disputes --------------------------------------------------------------------------------------------------------

    def dispute(self, row: str, doc: Doc) -> None:
        """Note that the service has called a need not eligible."""
        self._disputes[row] = doc

    def settled(self, entry: DirectoryEntry) -> list[str]:
        """The rows of `DISPUTES` for earlier entries of the service."""
        return sorted(row for row, doc in self._disputes.items() if _precedes(doc["version"], entry.version))

    def number(self, entry: DirectoryEntry, need: str) -> int:
        """The number, from 0, of a need among those that the service has called not eligible.

        That of its row if it has one, otherwise the lowest that is free.
        """
        needs_by_number = {
            int(row.rpartition("#")[2]): doc["need"]
            for row, doc in self._disputes.items()
            if doc["version"] == entry.version
        }
        for number, each in needs_by_number.items():
            if each == need:
                return number
        return next(number for number in range(len(needs_by_number) + 1) if number not in needs_by_number)


def dispute_row(version: str, number: int) -> str:
    """The id of a row of `DISPUTES`."""
    return f"{version}#{number}"


def disputed(rows: Mapping[str, Mapping[str, Any]], after: int) -> dict[str, str]:
    """The versions of entries that at least `after` needs have disputed, with the service of each."""
    return {
        doc["version"]: doc["service"] for row, doc in rows.items() if row == dispute_row(doc["version"], after - 1)
    }


# notices about expiry ------------------------------------------------------------------------------------------------


def notice_row(version: str, stage: str) -> str:
    """The id of the row for a notice: of this version, at this stage."""
    return f"{version}#{stage}"


def older_notice_rows(rows: Mapping[str, Mapping[str, Any]], entry: DirectoryEntry) -> list[str]:
    """The rows of notices for earlier entries of the service."""
    return sorted(row for row, doc in rows.items() if _precedes(doc["version"], entry.version))


def _precedes(version: str, other: str) -> bool:
    """Whether both are versions (``<service>@<offset>``) of one service, and this is the earlier one."""
    (service, _, offset), (other_service, _, other_offset) = version.rpartition("@"), other.rpartition("@")
    return service == other_service and int(offset) < int(other_offset)
