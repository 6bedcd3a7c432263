"""The three ports that carry all I/O of the loop, and what passes through them.

Each has a memory twin in ``tests/support``; one conformance suite runs over the twin and the real thing. What is
created for every event is a `NamedTuple`, here and elsewhere: as immutable as a frozen dataclass, and created in a
third of the time.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

Partition = tuple[str, int]
"""Topic and partition number."""

Position = tuple[str, int, int]
"""Topic, partition number and offset."""


class Record(NamedTuple):
    """One record as it was read. `appended` is the broker's time for it, on the service's clock."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    appended: datetime

    @property
    def position(self) -> Position:
        """Where it stands."""
        return (self.topic, self.partition, self.offset)


class OutgoingRecord(NamedTuple):
    """One record to be written."""

    topic: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to happen on a stream at `due_at`. `id` is ``<stream>:<name>:<cause that set it>``."""

    id: str
    stream: str
    key: str
    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table outside the journal. `doc` must not hold ``_id``; `version` is for `Claims.put`."""

    table: str
    id: str
    doc: dict[str, Any] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A group and what it reads; a gate's stage stands before its loop's."""

    group: str
    topics: Sequence[str] = ()
    pattern: str | None = None

    def reads(self, topic: str) -> bool:
        """True when the group reads this topic."""
        return topic in self.topics or (self.pattern is not None and re.match(self.pattern, topic) is not None)


class Log(Protocol):
    """Where events come from and go to: Kafka."""

    async def publish(self, messages: Sequence[OutgoingRecord]) -> dict[int, str]:
        """Write all, in order. Returns the index and reason code of those that can never be written.

        Raises `TransientError` when in doubt (some may have been written), `FatalError` when the producer is beyond repair.
        """
        ...


class Batch(Protocol):
    """What one fetch brought, and the means to settle it."""

    @property
    def records(self) -> Sequence[Record]:
        """In the order of each partition."""
        ...

    def lag(self) -> int:
        """Records behind this batch that were not yet read, on all partitions this consumer has, as far as known."""
        ...

    async def committed(self) -> dict[Partition, int]:
        """For every partition this consumer has now: the group's committed offset (0 where there is none)."""
        ...

    async def commit(self) -> dict[Partition, int]:
        """Commit last + 1 of each partition that is still ours; returns what was committed. Raises `TransientError`."""
        ...

    async def nack(self) -> None:
        """Rewind to the first record of each partition, so that the batch comes again."""
        ...


class Store(Protocol):
    """The journal and the timers: MongoDB, one database per service."""

    async def load(self, streams: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """The journal documents of each stream that has any, in order of n."""
        ...

    async def load_key(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """As `load`, the streams with an event under this record key. For reads: it needs its own index."""
        ...

    async def append(self, documents: Sequence[dict[str, Any]]) -> set[str]:
        """Insert, majority write. Returns the ids that already existed. Raises `TransientError` when in doubt."""
        ...

    async def set_timers(self, timers: Sequence[Timer]) -> None:
        """Insert those that are not there yet."""
        ...

    async def due(self, at: datetime, limit: int) -> list[Timer]:
        """Timers due at or before `at`, oldest first."""
        ...

    async def drop_timers(self, ids: Sequence[str]) -> None:
        """Delete; unknown ids are ignored."""
        ...


class Claims(Protocol):
    """Rows that must be unique across streams (a place, a data key), and rows other streams look at (who waits)."""

    async def take(self, rows: Sequence[Row]) -> set[str]:
        """Insert each row; one that is there with the same `doc` is taken too. Returns the ids that are another's."""
        ...

    async def put(self, rows: Sequence[Row]) -> None:
        """Insert or replace. With a `version`, only what has a lower one or none; it is kept under that name."""
        ...

    async def drop(self, rows: Sequence[Row]) -> None:
        """Delete each row whose fields equal `doc` (empty: whatever it holds); others are left."""
        ...

    async def find(self, table: str, field: str, values: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """The rows whose `field` (``_id`` for the id) is one of `values`, by id."""
        ...

    async def all(self, table: str) -> dict[str, dict[str, Any]]:
        """Every row of a table, by id."""
        ...
