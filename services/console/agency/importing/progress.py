"""Which rows of a file Kafka has already: a file beside it, a line for each, so that an interruption costs nothing.

It holds ids alone. An id is derived from the topic and what is sent, so a row is sent under one id however often, and a
repetition is known as one; a row that was changed since is another.
"""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import TextIO

from contracts.base import Message
from contracts.ids import as_uuid

from ...shared.client import OutgoingMessage
from ...shared.errors import UserError

_HEAD = "# What `referrals` has sent of the file beside this one. Without it all is sent again, which does no harm.\n"


def outgoing(topic: str, key: str, body: Message) -> OutgoingMessage:
    """The event of a body, under the id that it always has."""
    text = body.model_dump_json(exclude_unset=True)
    digest = hashlib.sha256(f"{topic}\0{body.TYPE}\0{text}".encode()).digest()
    return OutgoingMessage(as_uuid(digest), key, body)


class Sent:
    """Ids that were acknowledged. To be used with ``with``; without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._ids: set[str] = set()

    def __enter__(self) -> "Sent":
        if self._path is None:
            return self
        try:
            before = self._path.read_text() if self._path.exists() else ""
            self._ids = {line for line in before.splitlines() if line and not line.startswith("#")}
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a")
        except (OSError, UnicodeDecodeError) as error:
            hint = "name another with --state FILE; what was sent is kept there, to go on after an interruption"
            why = getattr(error, "strerror", None) or "it is not text"
            raise UserError(f"{self._path} can not be used ({why})", hint) from None
        if not before:
            self._file.write(_HEAD)
        elif not before.endswith("\n"):  # it ends amid a line: that one counts as not sent
            self._file.write("\n")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def __contains__(self, event: OutgoingMessage) -> bool:
        return event.id in self._ids

    def add(self, event: OutgoingMessage) -> None:
        """Kafka has it."""
        self._ids.add(event.id)
        if self._file is not None:
            self._file.write(f"{event.id}\n")
            self._file.flush()
