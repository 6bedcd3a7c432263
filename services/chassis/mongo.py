"""MongoDB behind the Store and Claims ports. The only file that uses motor.

Motor has reached its end of life. Its successor, PyMongo's `AsyncMongoClient`, has the same method names, so replacing
it means changing the import and `connect`. Everything is written with majority write concern, and only rows of
`Claims.put` and `Claims.mark` are ever updated in place. No error text leaves this file, since a write error quotes the
whole document.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from bson.int64 import Int64
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DeleteOne, IndexModel, ReplaceOne, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, DocumentTooLarge, PyMongoError
from pymongo.read_concern import ReadConcern

from . import bitmaps
from .errors import FatalError, SettingError, TransientError
from .ports import Row, Timer

Document = dict[str, Any]
Indexes = dict[str, list[tuple[str, ...]]]

_DUPLICATE = 11000
_MILLISECOND = timedelta(milliseconds=1)


def connect(uri: str, timeout_ms: int) -> AsyncIOMotorClient[Document]:
    """A client each of whose operations ends within `timeout_ms` milliseconds.

    Raises `SettingError` when `uri` is no connection string. The driver's own text might repeat a password.
    """
    try:
        return AsyncIOMotorClient(uri, tz_aware=True, timeoutMS=timeout_ms, serverSelectionTimeoutMS=timeout_ms)
    except (PyMongoError, ValueError, TypeError):
        expected = "expected mongodb://HOST:PORT/?replicaSet=NAME, with user and password if needed"
        raise SettingError("mongo", expected) from None


def database(client: AsyncIOMotorClient[Document], name: str) -> Any:
    """The database of one service. Writes are acknowledged by a majority once on disk; reads are majority reads."""
    return client.get_database(
        name, write_concern=WriteConcern(w="majority", j=True), read_concern=ReadConcern("majority")
    )


@asynccontextmanager
async def _translate_errors() -> AsyncIterator[None]:
    """Raise our errors in place of MongoDB's, whose texts may contain a person. The outcome is in doubt, not failed."""
    try:
        yield
    except DocumentTooLarge:
        raise FatalError("a journal document is larger than MongoDB accepts") from None
    except PyMongoError as error:
        raise TransientError(f"mongodb: {type(error).__name__}") from None


class MongoStore:
    """The journal (``journal``) and the timers (``timers``) of one service. `load_key` needs `by_key`, an index."""

    def __init__(self, database: Any, by_key: bool = False) -> None:
        self._by_key = by_key
        self._journal = database["journal"]
        self._timers = database["timers"]

    async def prepare(self) -> None:
        """Create the indexes. Raises `TransientError`."""
        async with _translate_errors():
            await self._journal.create_indexes([IndexModel([("stream", ASCENDING), ("n", ASCENDING)])])
            if self._by_key:  # each index makes every insert more expensive
                await self._journal.create_indexes([IndexModel([("entries.key", ASCENDING)])])
            await self._timers.create_indexes([IndexModel([("due_at", ASCENDING)])])

    async def ping(self) -> None:
        """Check that the primary responds. Raises `TransientError`."""
        async with _translate_errors():
            await self._journal.database.command("ping")

    async def load_key(self, key: str) -> dict[str, list[Document]]:
        """See `Store`."""
        async with _translate_errors():
            streams = await self._journal.distinct("stream", {"entries.key": key})
        return await self.load(streams)

    async def load(self, streams: Iterable[str]) -> dict[str, list[Document]]:
        """See `Store`."""
        by_stream: dict[str, list[Document]] = {}
        async with _translate_errors():
            documents = await self._journal.find({"stream": {"$in": list(streams)}}).to_list(None)
        for document in documents:
            by_stream.setdefault(document["stream"], []).append(document)
        for each in by_stream.values():
            each.sort(key=lambda document: document["n"])
        return by_stream

    async def append(self, documents: Sequence[Document]) -> set[str]:
        """See `Store`."""
        async with _translate_errors():
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
                "due_at": timer.due_at + _MILLISECOND,  # MongoDB truncates to milliseconds: better late than early
            }
            for timer in timers
        ]
        async with _translate_errors():
            await _insert(self._timers, rows)

    async def due(self, at: datetime, limit: int) -> list[Timer]:
        """See `Store`."""
        async with _translate_errors():
            rows = await self._timers.find({"due_at": {"$lte": at}}).sort("due_at").limit(limit).to_list(limit)
        return [
            Timer(row["_id"], row["stream"], row["key"], row["name"], datetime.fromisoformat(row["due"]))
            for row in rows
        ]

    async def drop_timers(self, ids: Sequence[str]) -> None:
        """See `Store`."""
        async with _translate_errors():
            await self._timers.delete_many({"_id": {"$in": list(ids)}})


class MongoClaims:
    """Rows outside the journal, one collection per table."""

    def __init__(self, database: Any) -> None:
        self._database = database

    async def prepare(self, indexes: Indexes) -> None:
        """Create the tables' indexes. Raises `TransientError`."""
        async with _translate_errors():
            for table, each in indexes.items():
                await self._database[table].create_indexes(
                    [IndexModel([(field, ASCENDING) for field in fields]) for fields in each]
                )

    async def take(self, rows: Sequence[Row]) -> set[str]:
        """See `Claims`."""
        taken_by_others: set[str] = set()
        for table, each in _by_table(rows).items():
            async with _translate_errors():
                refused = [each[index] for index in await _insert(self._database[table], [_document(r) for r in each])]
            if refused:
                stored = await self.find(table, "_id", [row.id for row in refused])
                taken_by_others |= {row.id for row in refused if stored.get(row.id) != row.doc}
        return taken_by_others

    async def put(self, rows: Sequence[Row]) -> None:
        """See `Claims`."""
        for table, each in _by_table(rows).items():
            newest: dict[str, Row] = {}
            for row in each:
                if row.id not in newest or (row.version or 0) >= (newest[row.id].version or 0):
                    newest[row.id] = row
            async with _translate_errors():
                await _replace(self._database[table], list(newest.values()))

    async def drop(self, rows: Sequence[Row]) -> None:
        """See `Claims`."""
        for table, each in _by_table(rows).items():
            async with _translate_errors():
                await self._database[table].bulk_write(
                    [DeleteOne({"_id": row.id, **row.doc}) for row in each], ordered=False
                )

    async def find(self, table: str, field: str, values: Iterable[Any]) -> dict[str, Document]:
        """See `Claims`."""
        async with _translate_errors():
            rows = await self._database[table].find({field: {"$in": list(values)}}).to_list(None)
        return {row.pop("_id"): row for row in rows}

    async def all(self, table: str) -> dict[str, Document]:
        """See `Claims`."""
        async with _translate_errors():
            rows = await self._database[table].find({}).to_list(None)
        return {row.pop("_id"): row for row in rows}

    async def page(self, table: str, after: str, limit: int) -> dict[str, Document]:
        """See `Claims`."""
        if limit < 1:
            return {}
        async with _translate_errors():
            rows = await self._database[table].find({"_id": {"$gt": after}}).sort("_id").limit(limit).to_list(limit)
        return {row.pop("_id"): row for row in rows}

    async def mark(self, table: str, numbers: Mapping[str, Iterable[int]], *, present: bool) -> None:
        """See `Claims`."""
        changes = [_marking(id_, bitmaps.masks(each), present) for id_, each in numbers.items()]
        if changes:
            async with _translate_errors():
                await self._database[table].bulk_write(changes, ordered=False)


async def _insert(collection: Any, documents: Sequence[Document]) -> list[int]:
    """Insert, unordered. Returns the indexes of the documents whose key already existed.

    Raises `TransientError` on any other write error.
    """
    if not documents:
        return []
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        failures = error.details.get("writeErrors", [])
        if error.details.get("writeConcernErrors") or any(failure["code"] != _DUPLICATE for failure in failures):
            raise TransientError("mongodb: a write is in doubt") from None
        return [failure["index"] for failure in failures]
    return []


async def _replace(collection: Any, rows: Sequence[Row]) -> None:
    """Replace or insert, unordered.

    If a row with the same or a higher version exists, the upsert attempts an insert and is refused as a duplicate. The
    same happens if another writer inserts a lower version at that moment. So what is refused is tried once more,
    without inserting.
    """
    try:
        await collection.bulk_write([_replacement(row, upsert=True) for row in rows], ordered=False)
    except BulkWriteError as error:
        failures = error.details.get("writeErrors", [])
        refused = [rows[failure["index"]] for failure in failures if failure["code"] == _DUPLICATE]
        versioned = all(row.version is not None for row in refused)
        if error.details.get("writeConcernErrors") or len(refused) < len(failures) or not versioned:
            raise TransientError("mongodb: a write is in doubt") from None
        await collection.bulk_write([_replacement(row, upsert=False) for row in refused], ordered=False)


def _replacement(row: Row, *, upsert: bool) -> ReplaceOne[Document]:
    if row.version is None:
        return ReplaceOne({"_id": row.id}, _document(row), upsert=upsert)
    lower = {"_id": row.id, "version": {"$not": {"$gte": row.version}}}
    return ReplaceOne(lower, {**_document(row), "version": row.version}, upsert=upsert)


def _marking(id_: str, masks: Mapping[str, int], present: bool) -> UpdateOne:
    bits = {f"words.{word}": {"or": Int64(mask)} if present else {"and": Int64(~mask)} for word, mask in masks.items()}
    return UpdateOne({"_id": id_}, {"$bit": bits})


def _document(row: Row) -> Document:
    return {"_id": row.id, **row.doc}


def _by_table(rows: Sequence[Row]) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {}
    for row in rows:
        tables.setdefault(row.table, []).append(row)
    return tables
