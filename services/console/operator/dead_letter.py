"""Dead letters: what is readable without a key, and the original record once decrypted. Pure.

The format is that of services/chassis/engine/dead_letters.py. Keys, values and headers are kept byte for byte, except
header names that are not UTF-8: these were escaped when they were read (services/chassis/kafka/records.py).
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
    """One dead letter without its content. Its id is the offset on ``referrals.dead-letters``."""

    offset: int
    at: datetime
    service: str
    topic: str
    """Where the record came from; for an undeliverable one, where it should go."""
    partition: int | None
    origin_offset: int | None
    stage: str
    reason: str
    field: str
    left_out: str
    sealed: bytes = dataclasses.field(default=b"", repr=False)

    @staticmethod
    def read(offset: int, milliseconds: int, headers: Headers, sealed: bytes | None) -> "DeadLetter":
        """A record of the topic as a dead letter. Missing headers give empty fields."""
        values = {name.removeprefix("dlq_"): (raw or b"").decode(errors="replace") for name, raw in headers}
        return DeadLetter(
            offset,
            datetime.fromtimestamp(milliseconds / 1000, UTC),
            values.get("service", ""),
            values.get("topic", ""),
            _number(values.get("partition")),
            _number(values.get("offset")),
            values.get("stage", ""),
            values.get("reason", ""),
            values.get("field", ""),
            values.get("left_out", ""),
            sealed or b"",
        )

    @property
    def undeliverable(self) -> bool:
        """Whether it is an event of a service that could not be published, not one that could not be handled."""
        return self.reason == "undeliverable"

    @property
    def origin(self) -> str:
        """Topic, partition and offset of the original record, as one word."""
        return "/".join(str(each) for each in (self.topic, self.partition, self.origin_offset) if each is not None)

    def clear(self) -> dict[str, Any]:
        """Everything that is not encrypted, as JSON."""
        return {name: value for name, value in asdict(self).items() if name != "sealed"} | {"at": self.at.isoformat()}

    def row(self) -> tuple[object, ...]:
        """The dead letter as a row under `COLUMNS`."""
        when = f"{self.at:%Y-%m-%d %H:%M:%S}"
        field = self.field + (f" (without {self.left_out})" if self.left_out else "")
        return (self.offset, when, self.service, self.origin, self.stage, self.reason, field)


@dataclass(frozen=True)
class OriginalRecord:
    """The record that could not be handled, byte for byte."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

    @property
    def size(self) -> int:
        """Total bytes of key, value and headers."""
        parts = [self.key, self.value, *(part for name, raw in self.headers for part in (name.encode(), raw))]
        return sum(len(each or b"") for each in parts)

    def readable(self) -> dict[str, Any]:
        """The record as JSON: always in base64, so that nothing is lost, and as text where it is text."""
        return {
            "key": _both(self.key),
            "value": _both(self.value),
            "headers": [{"name": name, **(_both(raw) or {"text": None, "base64": None})} for name, raw in self.headers],
        }


def decrypt(dead_letter: DeadLetter, private_key: str) -> OriginalRecord:
    """The original record. Raises `UnsealableError` when the key does not fit."""
    content = orjson.loads(open_sealed(private_key, dead_letter.sealed.decode(errors="replace"), DEAD_LETTER))
    headers = [(name, _raw(text)) for name, text in content["headers"]]
    return OriginalRecord(_raw(content["key"]), _raw(content["value"]), headers)


def select(
    dead_letters: Iterable[DeadLetter], service: str | None = None, reason: str | None = None
) -> list[DeadLetter]:
    """Those of this service and with this reason; None selects all."""
    return [each for each in dead_letters if service in (None, each.service) and reason in (None, each.reason)]


def per_reason(dead_letters: Iterable[DeadLetter]) -> dict[str, int]:
    """The number for each reason, the most frequent first."""
    return dict(Counter(each.reason for each in dead_letters).most_common())


def since(dead_letters: Iterable[DeadLetter], start: datetime) -> list[DeadLetter]:
    """Those written at this time or later."""
    return [each for each in dead_letters if each.at >= start]


def obstacle(dead_letter: DeadLetter, partitions: dict[str, int]) -> str | None:
    """Why it cannot be replayed; None when it can. `partitions` are the existing topics with their partition counts."""
    topic = dead_letter.topic
    if dead_letter.left_out:
        what = f"the dead letter was too large to include the {dead_letter.left_out}"
        return f"{what}; read the original at {dead_letter.origin} while it exists"
    if topic not in partitions:
        hint = "run `referrals topics apply`, or onboard the tenant"
        return f"its topic {topic or '(unknown)'} does not exist; {hint}"
    if dead_letter.partition is not None and dead_letter.partition >= partitions[topic]:
        return f"{topic} no longer has a partition {dead_letter.partition}"
    return None


def undeliverable(dead_letters: Sequence[DeadLetter]) -> list[int]:
    """The offsets of those that are undeliverable events of a service."""
    return [each.offset for each in dead_letters if each.undeliverable]


def compacted(dead_letters: Sequence[DeadLetter]) -> list[int]:
    """The offsets of those whose record, once replayed, would replace a newer one with the same key."""
    return [each.offset for each in dead_letters if re.match(topics.PROVIDER_DIRECTORY, each.topic)]


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
