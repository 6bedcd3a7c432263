"""Records that Kafka deleted before they were read, because they were older than their topic keeps records. Pure.

Kafka says nothing about them: a consumer whose offset is gone goes on at the first record there is. So the committed
offset is compared with the first one, before anything is read and while a service runs.
"""

from collections.abc import Mapping

from .ports import Partition


def never_read(starts: Mapping[Partition, int], committed: Mapping[Partition, int]) -> dict[Partition, int]:
    """The number of records of each partition that a group can never read, where there are any.

    `starts` are the first offsets of the partitions it reads. A group without any commit is new, and has lost nothing;
    else a partition without a commit is one of which it has read nothing yet.
    """
    if not committed:
        return {}
    missing = {at: start - max(0, committed.get(at, 0)) for at, start in starts.items()}
    return {at: count for at, count in missing.items() if count > 0}


class LostRecords:
    """What a process has reported already, so that each record is counted once although nothing is committed yet."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, Partition], int] = {}

    def new(
        self, group: str, starts: Mapping[Partition, int], committed: Mapping[Partition, int]
    ) -> dict[Partition, int]:
        """The records of each partition that have been lost since the last call for this group."""
        if not committed:
            return {}
        known = {at: max(committed.get(at, 0), self._reported.get((group, at), 0)) for at in starts}
        lost = never_read(starts, known)
        self._reported |= {(group, at): starts[at] for at in lost}
        return lost
