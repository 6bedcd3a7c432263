"""The ports that carry all I/O of the loop, and what passes through them.

Each port has a memory twin in ``tests/support``, and one conformance suite runs over both the twin and the real server.
What is created for every event is a `NamedTuple`, here and elsewhere: as immutable as a frozen dataclass, but created
in a third of the time.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

Partition = tuple[str, int]
"""Topic and partition number."""

Position = tuple[str, int, int]
"""Topic, partition number and offset."""


class Record(NamedTuple):
    """One record as it was read. `appended` is when the broker stored it, on the service's clock."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    appended: datetime

    @property
    def position(self) -> Position:
        """Topic, partition and offset."""
        return (self.topic, self.partition, self.offset)


class OutgoingRecord(NamedTuple):
    """One record to write."""

    topic: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Timer:
    """An event that a stream gets at `due_at`. `id` is ``<stream>:<name>:<cause that set it>``."""

    id: str
    stream: str
    key: str
    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table outside the journal. `doc` must not contain ``_id``; `version` is for `Claims.put`."""

    table: str
    id: str
    doc: dict[str, Any] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A consumer group and the topics that it reads. A gate's stage comes before its loop's."""

    group: str
    topics: Sequence[str] = ()
    pattern: str | None = None

    def reads(self, topic: str) -> bool:
        """Whether the group reads this topic."""
        return topic in self.topics or (self.pattern is not None and re.match(self.pattern, topic) is not None)


class Log(Protocol):
    """Where events come from and go to: Kafka."""

    async def publish(self, messages: Sequence[OutgoingRecord]) -> dict[int, str]:
        """Write all, in order. Returns index and reason code of each message that can never be written.

        Raises `TransientError` when the outcome is in doubt (some may have been written), and `FatalError` when the
        producer cannot recover.
        """
        ...


class Batch(Protocol):
    """The records of one fetch, and the means to settle them."""

    @property
    def records(self) -> Sequence[Record]:
        """The records, in order within each partition."""
        ...

    def lag(self) -> int:
        """The number of records not yet read on all of this consumer's partitions, as far as known."""
        ...

    async def committed(self) -> dict[Partition, int]:
        """The group's committed offset for each partition this consumer has now (0 where there is none).

        Raises `TransientError`.
        """
        ...

    async def commit(self) -> dict[Partition, int]:
        """Commit last offset + 1 of each partition that is still ours. Returns what was committed.

        Raises `TransientError`.
        """
        ...

    async def nack(self) -> None:
        """Rewind to the first record of each partition, so that the batch is delivered again."""
        ...


class Store(Protocol):
    """The journal and the timers: MongoDB, one database per service."""

    async def load(self, streams: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """The journal documents of each stream that has any, ordered by n. Raises `TransientError`."""
        ...

    async def load_key(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """As `load`, for all streams with an event under this record key. For queries: it needs an index of its own."""
        ...

    async def append(self, documents: Sequence[dict[str, Any]]) -> set[str]:
        """Insert with a majority write. Returns the ids that already existed. Raises `TransientError` when in doubt."""
        ...

    async def set_timers(self, timers: Sequence[Timer]) -> None:
        """Insert the timers that do not exist yet. Raises `TransientError`."""
        ...

    async def due(self, at: datetime, limit: int) -> list[Timer]:
        """At most `limit` timers due at or before `at`, oldest first. Raises `TransientError`."""
        ...

    async def drop_timers(self, ids: Sequence[str]) -> None:
        """Delete these timers. Unknown ids are ignored. Raises `TransientError`."""
        ...


class Claims(Protocol):
    """Rows that must be unique across streams (a place, a data key), or that other streams read (who is waiting).

    Every method raises `TransientError` when the outcome is in doubt.
    """

    async def take(self, rows: Sequence[Row]) -> set[str]:
        """Insert each row; an existing row with the same `doc` counts as taken. Returns the ids taken by others."""
        ...

    async def put(self, rows: Sequence[Row]) -> None:
        """Insert or replace. A row with a `version` replaces only a lower version or none; it is stored in the row."""
        ...

    async def drop(self, rows: Sequence[Row]) -> None:
        """Delete each row whose fields equal `doc`; an empty `doc` matches any row. Other rows stay."""
        ...

    async def find(self, table: str, field: str, values: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """The rows whose `field` (``_id`` for the id) has one of these values, by id."""
        ...

    async def all(self, table: str) -> dict[str, dict[str, Any]]:
        """Every row of a table, by id."""
        ...

    async def page(self, table: str, after: str, limit: int) -> dict[str, dict[str, Any]]:
        """The first `limit` rows whose id is greater than `after`, in the order of their ids."""
        ...

    async def mark(self, table: str, numbers: Mapping[str, Iterable[int]], *, present: bool) -> None:
        """Add numbers to the bitmaps in these rows (see `bitmaps`), or remove them. Rows that do not exist stay so."""
        ...
