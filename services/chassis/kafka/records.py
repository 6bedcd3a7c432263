"""aiokafka's reader of record batches, corrected to accept header names that are not UTF-8.

Kafka accepts any bytes as a header's name, and its Java client reads them all. aiokafka 0.14 raises
`UnicodeDecodeError` from every fetch of such a batch, for ever: one record of one tenant would stop a gate for all
tenants (``tests/integration/test_chassis.py`` has the case). Here, such a batch is read again by aiokafka's own slower
reader, with invalid bytes escaped.
"""

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH = struct.Struct(">qi")
"""The start of a batch: its base offset, and the number of bytes that follow."""


class _Escaping(bytearray):
    """Bytes whose slices can always be decoded: what is not UTF-8 is escaped."""

    def __getitem__(self, at: Any) -> Any:
        item = super().__getitem__(at)
        return _Escaping(item) if isinstance(at, slice) else item

    def decode(self, *_: Any) -> str:
        return bytes(self).decode("utf-8", "backslashreplace")


class _Batch:
    """A batch as aiokafka reads it, or read with escapes if that fails. Everything else is passed through."""

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
    """Replaces aiokafka's `MemoryRecords` in its fetcher."""

    def __init__(self, raw: bytes) -> None:
        self._records: Any = MemoryRecords(raw)
        self._raw = raw
        self._at = 0

    def size_in_bytes(self) -> int:
        """The size of all batches."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether another whole batch follows."""
        return bool(self._records.has_next())

    def next_batch(self) -> _Batch | None:
        """The next batch, or None at the end."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        start = self._at
        self._at += _LENGTH.size + _LENGTH.unpack_from(self._raw, start)[1]
        return _Batch(batch, self._raw[start : self._at])


def install() -> None:
    """Use this reader in all consumers of this process."""
    fetcher.MemoryRecords = Records
