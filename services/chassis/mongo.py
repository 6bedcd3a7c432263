"""MongoDB behind the Store and Claims ports. The only file that touches motor.

Motor is past its end of life; its heir, PyMongo's own `AsyncMongoClient`, has the same method names, so the swap is
the import and the client's line. Everything is written with majority write concern; nothing is ever updated in place
but rows of `Claims.put`. No error's text leaves this file: a write error's text holds the whole document.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DeleteOne, IndexModel, ReplaceOne, WriteConcern
from pymongo.errors import BulkWriteError, DocumentTooLarge, PyMongoError
from pymongo.read_concern import ReadConcern

from .errors import FatalError, TransientError
from .ports import Row, Timer

Document = dict[str, Any]
Indexes = dict[str, list[tuple[str, ...]]]

_DUPLICATE = 11000
_MILLISECOND = timedelta(milliseconds=1)


def connect(uri: str, timeout_ms: int) -> AsyncIOMotorClient[Document]:
    """A client whose every operation ends within `timeout_ms`."""
    return AsyncIOMotorClient(uri, tz_aware=True, timeoutMS=timeout_ms, serverSelectionTimeoutMS=timeout_ms)


def database(client: AsyncIOMotorClient[Document], name: str) -> Any:
    """One service's database: majority writes, on disk before they are acknowledged; majority reads."""
    return client.get_database(
        name, write_concern=WriteConcern(w="majority", j=True), read_concern=ReadConcern("majority")
    )


@asynccontextmanager
async def _doubtful() -> AsyncIterator[None]:
    """Whatever goes wrong is in doubt, not failed; its text may hold a person and stays here."""
    try:
        yield
    except DocumentTooLarge:
        raise FatalError("a journal document is larger than MongoDB takes") from None
    except PyMongoError as error:
        raise TransientError(f"mongodb: {type(error).__name__}") from None


class MongoStore:
    """The journal (`journal`) and the timers (`timers`) of one service. `by_key`: `load_key` is asked of it."""

    def __init__(self, database: Any, by_key: bool = False) -> None:
        self._by_key = by_key
        self._journal = database["journal"]
        self._timers = database["timers"]

    async def prepare(self) -> None:
        """Create the indexes. Raises `TransientError`."""
        async with _doubtful():
            await self._journal.create_indexes([IndexModel([("stream", ASCENDING), ("n", ASCENDING)])])
            if self._by_key:  # each index makes every insert dearer
                await self._journal.create_indexes([IndexModel([("entries.key", ASCENDING)])])
            await self._timers.create_indexes([IndexModel([("due_at", ASCENDING)])])

    async def ping(self) -> None:
        """Ask the primary for an answer, whatever it is. Raises `TransientError`."""
        async with _doubtful():
            await self._journal.database.command("ping")

    async def load_key(self, key: str) -> dict[str, list[Document]]:
        """See `Store`."""
        async with _doubtful():
            streams = await self._journal.distinct("stream", {"entries.key": key})
        return await self.load(streams)

    async def load(self, streams: Iterable[str]) -> dict[str, list[Document]]:
        """See `Store`."""
        found: dict[str, list[Document]] = {}
        async with _doubtful():
            documents = await self._journal.find({"stream": {"$in": list(streams)}}).to_list(None)
        for document in documents:
            found.setdefault(document["stream"], []).append(document)
        for each in found.values():
            each.sort(key=lambda document: document["n"])
        return found

    async def append(self, documents: Sequence[Document]) -> set[str]:
        """See `Store`."""
        async with _doubtful():
            refused = await _insert(self._journal, documents)
        return {documents[index]["_id"] for index in refused}

    async def set_timers(self, timers: Sequence[Timer]) -> None:
        """See `Store`."""
        rows = [
            {
                "_id": timer.id,
                "stream": timer.stream,
                "key": timer.key,
                "name": timer.name,
                "due": timer.due_at.isoformat(),
                "due_at": timer.due_at + _MILLISECOND,  # MongoDB cuts off microseconds: rather late than early
            }
            for timer in timers
        ]
        async with _doubtful():
            await _insert(self._timers, rows)

    async def due(self, at: datetime, limit: int) -> list[Timer]:
        """See `Store`."""
        async with _doubtful():
            rows = await self._timers.find({"due_at": {"$lte": at}}).sort("due_at").limit(limit).to_list(limit)
        return [
            Timer(row["_id"], row["stream"], row["key"], row["name"], datetime.fromisoformat(row["due"]))
            for row in rows
        ]

    async def drop_timers(self, ids: Sequence[str]) -> None:
        """See `Store`."""
        async with _doubtful():
            await self._timers.delete_many({"_id": {"$in": list(ids)}})


class MongoClaims:
    """Rows, one collection per table."""

    def __init__(self, database: Any) -> None:
        self._database = database

    async def prepare(self, indexes: Indexes) -> None:
        """Create the indexes of the tables. Raises `TransientError`."""
        async with _doubtful():
            for table, each in indexes.items():
                await self._database[table].create_indexes(
                    [IndexModel([(field, ASCENDING) for field in fields]) for fields in each]
                )

    async def take(self, rows: Sequence[Row]) -> set[str]:
        """See `Claims`."""
        lost: set[str] = set()
        for table, each in _by_table(rows).items():
            async with _doubtful():
                refused = [each[index] for index in await _insert(self._database[table], [_document(r) for r in each])]
            if refused:
                held = await self.find(table, "_id", [row.id for row in refused])
                lost |= {row.id for row in refused if held.get(row.id) != row.doc}
        return lost

    async def put(self, rows: Sequence[Row]) -> None:
        """See `Claims`."""
        for table, each in _by_table(rows).items():
            last: dict[str, Row] = {}
            for row in each:
                if row.id not in last or (row.version or 0) >= (last[row.id].version or 0):
                    last[row.id] = row
            async with _doubtful():
                await _replace(self._database[table], list(last.values()))

    async def drop(self, rows: Sequence[Row]) -> None:
        """See `Claims`."""
        for table, each in _by_table(rows).items():
            async with _doubtful():
                await self._database[table].bulk_write(
                    [DeleteOne({"_id": row.id, **row.doc}) for row in each], ordered=False
                )

    async def find(self, table: str, field: str, values: Iterable[Any]) -> dict[str, Document]:
        """See `Claims`."""
        async with _doubtful():
            rows = await self._database[table].find({field: {"$in": list(values)}}).to_list(None)
        return {row.pop("_id"): row for row in rows}

    async def all(self, table: str) -> dict[str, Document]:
        """See `Claims`."""
        async with _doubtful():
            rows = await self._database[table].find({}).to_list(None)
        return {row.pop("_id"): row for row in rows}


async def _insert(collection: Any, documents: Sequence[Document]) -> list[int]:
    """Unordered insert; returns the indexes of those whose key was there already. Other errors are in doubt."""
    if not documents:
        return []
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        faults = error.details.get("writeErrors", [])
        if error.details.get("writeConcernErrors") or any(fault["code"] != _DUPLICATE for fault in faults):
            raise TransientError("mongodb: a write is in doubt") from None
        return [fault["index"] for fault in faults]
    return []


async def _replace(collection: Any, rows: Sequence[Row]) -> None:
    """Unordered. Where a row is there whose version is no lower, the upsert tries an insert, and its key is taken.

    So it is where another writer inserted a lower one at that moment: what is refused is tried once more, on what is
    there by now.
    """
    try:
        await collection.bulk_write([_replacement(row, upsert=True) for row in rows], ordered=False)
    except BulkWriteError as error:
        faults = error.details.get("writeErrors", [])
        refused = [rows[fault["index"]] for fault in faults if fault["code"] == _DUPLICATE]
        versioned = all(row.version is not None for row in refused)
        if error.details.get("writeConcernErrors") or len(refused) < len(faults) or not versioned:
            raise TransientError("mongodb: a write is in doubt") from None
        await collection.bulk_write([_replacement(row, upsert=False) for row in refused], ordered=False)


def _replacement(row: Row, *, upsert: bool) -> ReplaceOne[Document]:
    if row.version is None:
        return ReplaceOne({"_id": row.id}, _document(row), upsert=upsert)
    lower = {"_id": row.id, "version": {"$not": {"$gte": row.version}}}
    return ReplaceOne(lower, {**_document(row), "version": row.version}, upsert=upsert)


def _document(row: Row) -> Document:
    return {"_id": row.id, **row.doc}


def _by_table(rows: Sequence[Row]) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {}
    for row in rows:
        tables.setdefault(row.table, []).append(row)
    return tables
