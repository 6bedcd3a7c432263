"""Dead letters: what stands on them in clear, and what they hold once opened.

Their format is that of services/chassis/engine/dead_letters.py. They hold keys, values and headers byte for byte,
except header names that are not UTF-8, which were escaped when they were read (services/chassis/kafka/records.py).
"""

import dataclasses
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from contracts import topics
from contracts.cloudevents import Headers
from services.chassis.encryption import DEAD_LETTER, open_sealed

COLUMNS = ("OFFSET", "WHEN (UTC)", "SERVICE", "FROM", "STAGE", "REASON", "FIELD")


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter from outside. Holds no input; its id is the offset on ``referrals.dead-letters``."""

    offset: int
    at: datetime
    service: str
    topic: str
    """Where the record came from, or was to go if it is undeliverable."""
    partition: int | None
    origin_offset: int | None
    stage: str
    reason: str
    field: str
    left_out: str
    sealed: bytes = dataclasses.field(default=b"", repr=False)

    @staticmethod
    def read(offset: int, milliseconds: int, headers: Headers, sealed: bytes | None) -> "DeadLetter":
        """Out of a record. What is not on it stays empty."""
        found = {name.removeprefix("dlq_"): (raw or b"").decode(errors="replace") for name, raw in headers}
        return DeadLetter(
            offset,
            datetime.fromtimestamp(milliseconds / 1000, UTC),
            found.get("service", ""),
            found.get("topic", ""),
            _number(found.get("partition")),
            _number(found.get("offset")),
            found.get("stage", ""),
            found.get("reason", ""),
            found.get("field", ""),
            found.get("left_out", ""),
            sealed or b"",
        )

    @property
    def undeliverable(self) -> bool:
        """Whether it is an event of ours that could not be published, rather than one that could not be handled."""
        return self.reason == "undeliverable"

    @property
    def origin(self) -> str:
        """Topic, partition and offset as one word."""
        return "/".join(str(each) for each in (self.topic, self.partition, self.origin_offset) if each is not None)

    def clear(self) -> dict[str, Any]:
        """What stands in clear, as JSON."""
        return {name: value for name, value in asdict(self).items() if name != "sealed"} | {"at": self.at.isoformat()}

    def row(self) -> tuple[object, ...]:
        """Under `COLUMNS`."""
        when = f"{self.at:%Y-%m-%d %H:%M:%S}"
        field = self.field + (f" (without {self.left_out})" if self.left_out else "")
        return (self.offset, when, self.service, self.origin, self.stage, self.reason, field)


@dataclass(frozen=True)
class Whole:
    """The record that could not be handled, byte for byte."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        parts = [self.key, self.value, *(part for name, raw in self.headers for part in (name.encode(), raw))]
        return sum(len(each or b"") for each in parts)

    def readable(self) -> dict[str, Any]:
        """As JSON: text where it is text, base64 of it always, so that nothing is lost in reading."""
        return {
            "key": _both(self.key),
            "value": _both(self.value),
            "headers": [{"name": name, **(_both(raw) or {"text": None, "base64": None})} for name, raw in self.headers],
        }


def opened(letter: DeadLetter, private_key: str) -> Whole:
    """What a letter holds. Raises `Unsealable`."""
    held = orjson.loads(open_sealed(private_key, letter.sealed.decode(errors="replace"), DEAD_LETTER))
    headers = [(name, _raw(text)) for name, text in held["headers"]]
    return Whole(_raw(held["key"]), _raw(held["value"]), headers)


def chosen(letters: Iterable[DeadLetter], service: str | None = None, reason: str | None = None) -> list[DeadLetter]:
    """Those of a service and for a reason, where these are given."""
    return [each for each in letters if service in (None, each.service) and reason in (None, each.reason)]


def per_reason(letters: Iterable[DeadLetter]) -> dict[str, int]:
    """How many for each reason, the most frequent first."""
    return dict(Counter(each.reason for each in letters).most_common())


def since(letters: Iterable[DeadLetter], start: datetime) -> list[DeadLetter]:
    """Those that were written then or later."""
    return [each for each in letters if each.at >= start]


def obstacle(letter: DeadLetter, there: dict[str, int]) -> str | None:
    """Why a letter can not be replayed; None: it can. `there` are the topics there are, with their partitions."""
    if letter.left_out:
        return f"it is without {letter.left_out}: too large to be kept; read {letter.origin} while it is there"
    if letter.topic not in there:
        return f"its topic {letter.topic or '(not said)'} is not there; `referrals topics apply`, or onboard the tenant"
    if letter.partition is not None and letter.partition >= there[letter.topic]:
        return f"{letter.topic} has no partition {letter.partition} any more"
    return None


def undeliverable(letters: Sequence[DeadLetter]) -> list[int]:
    """Offsets of events of ours among these letters."""
    return [each.offset for each in letters if each.undeliverable]


def compacted(letters: Sequence[DeadLetter]) -> list[int]:
    """Offsets of letters whose record would take the place of a newer one under its key, if there is one."""
    return [each.offset for each in letters if re.match(topics.PROVIDER_DIRECTORY, each.topic)]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _raw(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def _both(raw: bytes | None) -> dict[str, str | None] | None:
    if raw is None:
        return None
    try:
        text: str | None = raw.decode()
    except UnicodeDecodeError:
        text = None
    return {"text": text, "base64": b64encode(raw).decode()}
