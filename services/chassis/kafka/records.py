"""aiokafka's reader of record batches, so that it also reads header names that are not UTF-8.

Kafka lets any bytes be a header's name and its Java client reads them all. aiokafka 0.14 raises `UnicodeDecodeError`
out of every fetch of that batch, for ever: one record of one tenant would stop a gate for all of them. Seen on a real
broker; ``tests/integration/test_chassis.py`` has the case. Here such a batch is read once more, by aiokafka's own
slower reader, with what is not UTF-8 escaped.
"""

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH = struct.Struct(">qi")
"""The start of a batch: its base offset, and the number of bytes after this."""


class _Escaping(bytearray):
    """Bytes whose slices can always be decoded."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Escaping(found) if isinstance(at, slice) else found

    def decode(self, *_: Any) -> str:
        return bytes(self).decode("utf-8", "backslashreplace")


class _Batch:
    """A batch as aiokafka reads it; where that fails on a name, as read with escapes. All else is passed through."""

    def __init__(self, batch: Any, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            slow: Any = _DefaultRecordBatchPy(self._raw)
            slow._maybe_uncompress()
            slow._buffer = _Escaping(slow._buffer)
            return iter(list(slow))


class Records:
    """Takes the place of aiokafka's `MemoryRecords` in its fetcher."""

    def __init__(self, raw: bytes) -> None:
        self._records: Any = MemoryRecords(raw)
        self._raw = raw
        self._at = 0

    def size_in_bytes(self) -> int:
        """Of all batches."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether there is a whole batch yet."""
        return bool(self._records.has_next())

    def next_batch(self) -> _Batch | None:
        """The next one."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        start = self._at
        self._at += _LENGTH.size + _LENGTH.unpack_from(self._raw, start)[1]
        return _Batch(batch, self._raw[start : self._at])


def install() -> None:
    """For all consumers of this process."""
    fetcher.MemoryRecords = Records
