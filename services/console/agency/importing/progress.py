"""Which rows of a file Kafka has already: noted in a file beside it, so that an interrupted command can continue.

The file holds ids only. An id is derived from the topic and the content of a row, so a row has the same id each time it
is sent, and a changed row has another.
"""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import TextIO

from contracts.base import Message
from contracts.ids import as_uuid

from ...shared.errors import UserError
from ...shared.records import OutgoingMessage

_HEAD = (
    "# Rows that `referrals` has sent from the file beside this one. Without it, all rows are sent again: no harm.\n"
)


def outgoing(topic: str, key: str, body: Message) -> OutgoingMessage:
    """The event for a body. The same topic and body always give the same id."""
    text = body.model_dump_json(exclude_unset=True)
    digest = hashlib.sha256(f"{topic}\0{body.TYPE}\0{text}".encode()).digest()
    return OutgoingMessage(as_uuid(digest), key, body)


class SentRows:
    """The ids that Kafka has acknowledged, as a context manager. Without a path nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._ids: set[str] = set()

    def __enter__(self) -> "SentRows":
        if self._path is None:
            return self
        try:
            before = self._path.read_text() if self._path.exists() else ""
            self._ids = {line for line in before.splitlines() if line and not line.startswith("#")}
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a")
        except (OSError, UnicodeDecodeError) as error:
            hint = "give another file with --state FILE; it notes which rows were sent"
            reason = getattr(error, "strerror", None) or "it is not text"
            raise UserError(f"{self._path} cannot be used ({reason})", hint) from None
        if not before:
            self._file.write(_HEAD)
        elif not before.endswith("\n"):  # a crash cut the last line off: that row counts as not sent
            self._file.write("\n")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def __contains__(self, event: OutgoingMessage) -> bool:
        return event.id in self._ids

    def add(self, event: OutgoingMessage) -> None:
        """Note that Kafka has acknowledged this event."""
        self._ids.add(event.id)
        if self._file is not None:
            self._file.write(f"{event.id}\n")
            self._file.flush()
