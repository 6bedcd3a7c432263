"""Memory twins of the ports: Kafka and MongoDB as the services see them. `tests/conformance` checks that they agree.

    log = MemoryLog(clock.now)
    log.create("referrals.inbox.intake", partitions=4)
    consumer = MemoryGroup(log, "referrals.inbox.intake").join()
    await drain(loop, consumer)

Every twin can be made to fail: ``log.fail("publish", "before", "midway", "after")`` makes the next three calls raise
`TransientError` before, in the middle of, and after taking effect, as Kafka and MongoDB do.
"""

import asyncio
import re
import zlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import bson
from bson.codec_options import CodecOptions

from services.chassis import bitmaps
from services.chassis.errors import TransientError
from services.chassis.ports import Batch, OutgoingRecord, Partition, Record, Row, Timer

_AS_MONGO = CodecOptions(tz_aware=True, tzinfo=UTC)


class Failing:
    """What the twins share: calls that fail on demand, and yield to other tasks as real calls do."""

    def __init__(self) -> None:
        self._upcoming: dict[str, deque[str]] = defaultdict(deque)

    def fail(self, call: str, *when: str) -> None:
        """The next calls of this method fail ``"before"``, ``"midway"`` or ``"after"``; ``"ok"`` lets one pass."""
        self._upcoming[call].extend(when)

    def calm(self, call: str) -> None:
        """Cancel the failures of this method that have not happened yet."""
        self._upcoming[call].clear()

    async def _apply(self, call: str, items: Sequence[Any], act: Callable[[int, Any], None]) -> None:
        await asyncio.sleep(0)
        upcoming = self._upcoming[call]
        when = upcoming.popleft() if upcoming else "ok"
        done = {"before": 0, "midway": len(items) // 2}.get(when, len(items))
        for index, item in enumerate(items[:done]):
            act(index, item)
        if when != "ok":
            raise TransientError(f"{call} failed {when} taking effect")


# Kafka ----------------------------------------------------------------------------------------------------------------


class MemoryLog(Failing):
    """Topics of partitions of records. `now` is called for the append times.

    A topic in `refusing` can never be written to, with that reason code; nor can a value longer than `limit` bytes.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self.topics: dict[str, list[list[Record]]] = {}
        self.refusing: dict[str, str] = {}
        self.limit = 1_000_000

    def create(self, *topics: str, partitions: int = 4) -> None:
        for topic in topics:
            self.topics.setdefault(topic, [[] for _ in range(partitions)])

    async def publish(self, messages: Sequence[OutgoingRecord]) -> dict[int, str]:
        refused: dict[int, str] = {}

        def write(index: int, message: OutgoingRecord) -> None:
            code = self.refusing.get(message.topic) or (
                "topic-missing"
                if message.topic not in self.topics
                else "too-large"
                if len(message.value) > self.limit
                else None
            )
            if code is not None:
                refused[index] = code
            else:
                self.append(message.topic, message.key, message.value, message.headers)

        await self._apply("publish", messages, write)
        return refused

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        partition: int | None = None,
    ) -> Record:
        """Write one record with any content, as any producer could."""
        partitions = self.topics[topic]
        number = zlib.crc32(key or b"") % len(partitions) if partition is None else partition
        record = Record(topic, number, len(partitions[number]), key, value, tuple(headers), self._now())
        partitions[number].append(record)
        return record

    def read(self, *topics: str) -> list[Record]:
        """All records on these topics, partition by partition."""
        return [record for topic in topics for partition in self.topics[topic] for record in partition]


class MemoryGroup:
    """A consumer group: its committed offsets and its members' partitions (range assignor, eager rebalance)."""

    def __init__(self, log: MemoryLog, *topics: str, pattern: str | None = None) -> None:
        self.log = log
        self._topics = topics
        self._pattern = re.compile(pattern) if pattern else None
        self.offsets: dict[Partition, int] = {}
        self.members: list[MemoryConsumer] = []

    def join(self, assigned: Callable[[], None] = lambda: None) -> "MemoryConsumer":
        """Add a member. `assigned` is called whenever its partitions have been assigned again (`Loop.forget`)."""
        member = MemoryConsumer(self, assigned)
        self.members.append(member)
        self.rebalance()
        return member

    def leave(self, member: "MemoryConsumer") -> None:
        """Remove a member that died, or was silent for longer than its session."""
        self.members.remove(member)
        member.positions = {}
        self.rebalance()

    def rebalance(self) -> None:
        for member in self.members:
            member.positions = {}
        for topic in self.topics:
            count = len(self.log.topics[topic])
            share, extra = divmod(count, len(self.members) or 1)
            numbers = iter(range(count))
            for place, member in enumerate(self.members):
                for _ in range(share + (place < extra)):
                    at = (topic, next(numbers))
                    member.positions[at] = self.offsets.get(at, 0)
        for member in self.members:
            member.assigned()

    @property
    def topics(self) -> list[str]:
        """The subscribed topics that exist."""
        return [
            topic
            for topic in sorted(self.log.topics)
            if topic in self._topics or (self._pattern is not None and self._pattern.match(topic))
        ]

    @property
    def lag(self) -> int:
        """Records not yet committed."""
        return sum(
            len(records) - self.offsets.get((topic, number), 0)
            for topic in self.topics
            for number, records in enumerate(self.log.topics[topic])
        )


class MemoryConsumer:
    """One member. Each fetch advances its positions, committed or not, as with aiokafka."""

    def __init__(self, group: MemoryGroup, assigned: Callable[[], None]) -> None:
        self.group = group
        self.assigned = assigned
        self.positions: dict[Partition, int] = {}

    def fetch(self, max_records: int = 2000, order: Sequence[Partition] | None = None) -> "MemoryBatch | None":
        """The next records, partition by partition (by default sorted), or None if there are none."""
        records: list[Record] = []
        for topic, number in order if order is not None else sorted(self.positions):
            position = self.positions[topic, number]
            unread = self.group.log.topics[topic][number][position : position + max_records - len(records)]
            self.positions[topic, number] = position + len(unread)
            records += unread
        return MemoryBatch(self, records) if records else None


class MemoryBatch(Failing):
    """The records of one fetch. `settled` is ``commit``, ``nack``, or None while it is in progress."""

    def __init__(self, consumer: MemoryConsumer, records: Sequence[Record]) -> None:
        super().__init__()
        self._consumer = consumer
        self.records = records
        self.settled: str | None = None

    def lag(self) -> int:
        positions, log = self._consumer.positions, self._consumer.group.log
        return sum(len(log.topics[topic][number]) - at for (topic, number), at in positions.items())

    async def committed(self) -> dict[Partition, int]:
        return {at: self._consumer.group.offsets.get(at, 0) for at in self._consumer.positions}

    async def commit(self) -> dict[Partition, int]:
        ends = {(r.topic, r.partition): r.offset + 1 for r in self.records}
        ours = {at: end for at, end in ends.items() if at in self._consumer.positions}
        await self._apply("commit", [ours], lambda _, each: self._consumer.group.offsets.update(each))
        self.settled = "commit"
        return ours

    async def nack(self) -> None:
        for record in reversed(self.records):
            at = (record.topic, record.partition)
            if at in self._consumer.positions:
                self._consumer.positions[at] = record.offset
        self.settled = "nack"


class Handler(Protocol):
    """A `Loop` or a `Gate`."""

    def handle(self, batch: Batch) -> Awaitable[None]: ...


async def drain(handler: Handler, consumer: MemoryConsumer, max_records: int = 2000) -> int:
    """Handle batches until nothing is left to fetch. Returns the number of batches."""
    batches = 0
    while batch := consumer.fetch(max_records):
        await handler.handle(batch)
        batches += 1
        assert batches < 1000, "the same batch is retried without end"
    return batches


# MongoDB --------------------------------------------------------------------------------------------------------------


def as_mongo(document: dict[str, Any]) -> dict[str, Any]:
    """A document as MongoDB returns it: a copy, with tuples as lists and times to the millisecond.

    Raises as MongoDB's encoder does.
    """
    return bson.decode(bson.encode(document), _AS_MONGO)


class MemoryStore(Failing):
    """Journal and timers."""

    def __init__(self) -> None:
        super().__init__()
        self.journal: dict[str, dict[str, Any]] = {}
        self.timers: dict[str, Timer] = {}
        self.loads = 0

    async def load(self, streams: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        self.loads += 1
        wanted = set(streams)
        by_stream: dict[str, list[dict[str, Any]]] = defaultdict(list)

        def read(_: int, document: dict[str, Any]) -> None:
            by_stream[document["stream"]].append(as_mongo(document))

        await self._apply("load", [each for each in self.journal.values() if each["stream"] in wanted], read)
        return {stream: sorted(each, key=lambda document: document["n"]) for stream, each in by_stream.items()}

    async def load_key(self, key: str) -> dict[str, list[dict[str, Any]]]:
        return await self.load(
            document["stream"]
            for document in self.journal.values()
            if any(entry.get("key") == key for entry in document["entries"])
        )

    async def append(self, documents: Sequence[dict[str, Any]]) -> set[str]:
        refused: set[str] = set()

        def insert(_: int, document: dict[str, Any]) -> None:
            if document["_id"] in self.journal:
                refused.add(document["_id"])
            else:
                self.journal[document["_id"]] = as_mongo(document)

        await self._apply("append", documents, insert)
        return refused

    async def set_timers(self, timers: Sequence[Timer]) -> None:
        await self._apply("set_timers", timers, lambda _, timer: self.timers.setdefault(timer.id, timer))

    async def due(self, at: datetime, limit: int) -> list[Timer]:
        await self._apply("due", (), lambda *_: None)
        return sorted((t for t in self.timers.values() if t.due_at <= at), key=lambda timer: timer.due_at)[:limit]

    async def drop_timers(self, ids: Sequence[str]) -> None:
        await self._apply("drop_timers", ids, lambda _, id_: self.timers.pop(id_, None))

    def entries(self, stream: str) -> list[dict[str, Any]]:
        """A stream's journal entries, in order."""
        documents = sorted((d for d in self.journal.values() if d["stream"] == stream), key=lambda d: d["n"])
        return [entry for document in documents for entry in document["entries"]]


class MemoryClaims(Failing):
    """Rows by table and id."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)

    async def take(self, rows: Sequence[Row]) -> set[str]:
        refused: set[str] = set()

        def insert(_: int, row: Row) -> None:
            if self.tables[row.table].setdefault(row.id, as_mongo(row.doc)) != row.doc:
                refused.add(row.id)

        await self._apply("take", rows, insert)
        return refused

    async def put(self, rows: Sequence[Row]) -> None:
        def replace(_: int, row: Row) -> None:
            there = self.tables[row.table].get(row.id, {}).get("version")
            if row.version is None:
                self.tables[row.table][row.id] = as_mongo(row.doc)
            elif there is None or there < row.version:
                self.tables[row.table][row.id] = {**as_mongo(row.doc), "version": row.version}

        await self._apply("put", rows, replace)

    async def drop(self, rows: Sequence[Row]) -> None:
        def delete(_: int, row: Row) -> None:
            there = self.tables[row.table].get(row.id)
            if there is not None and all(there.get(name) == value for name, value in as_mongo(row.doc).items()):
                del self.tables[row.table][row.id]

        await self._apply("drop", rows, delete)

    async def find(self, table: str, field: str, values: Iterable[Any]) -> dict[str, dict[str, Any]]:
        await self._apply("find", (), lambda *_: None)
        wanted = list(values)
        return {
            id_: as_mongo(doc)
            for id_, doc in self.tables[table].items()
            if (id_ if field == "_id" else doc.get(field)) in wanted
        }

    async def all(self, table: str) -> dict[str, dict[str, Any]]:
        await self._apply("all", (), lambda *_: None)
        return {id_: as_mongo(doc) for id_, doc in self.tables[table].items()}

    async def page(self, table: str, after: str, limit: int) -> dict[str, dict[str, Any]]:
        await self._apply("page", (), lambda *_: None)
        rows = self.tables[table]
        return {id_: as_mongo(rows[id_]) for id_ in sorted(id_ for id_ in rows if id_ > after)[:limit]}

    async def mark(self, table: str, numbers: Mapping[str, Iterable[int]], *, present: bool) -> None:
        def change(_: int, item: tuple[str, Iterable[int]]) -> None:
            doc = self.tables[table].get(item[0])
            if doc is not None:
                for word, mask in bitmaps.masks(item[1]).items():
                    there = doc["words"].get(word, 0)
                    doc["words"][word] = there | mask if present else there & ~mask

        await self._apply("mark", list(numbers.items()), change)
