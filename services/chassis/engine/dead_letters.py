"""Records that can not be handled, kept whole for the operators and readable by nobody else.

Key, value and headers are sealed as one blob to the operators' key. In clear stand only the ``dlq_*`` headers, as
strings (Kafka Connect's way): service, topic, partition, offset, stage, reason code and field path. Never input.
What is too large to be kept leaves its origin alone, with ``dlq_left_out``.
"""

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence

import orjson
import structlog

from contracts import topics

from ..encryption import DEAD_LETTER, seal_to
from ..errors import PoisonError, TransientError
from ..ports import Log, OutgoingRecord, Record
from ..telemetry.metrics import Meter

logger = structlog.get_logger()

_Letter = tuple[Mapping[str, str | int], bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]
"""Origin, and the record's key, value and headers."""


class DeadLetters:
    """Writes to ``referrals.dead-letters``. When that fails, the batch is not committed: nothing is lost."""

    def __init__(self, service: str, log: Log, operator_key: str, meter: Meter | None = None) -> None:
        self._service = service
        self._meter = meter or Meter(service)
        self._log = log
        self._operator_key = operator_key

    async def send(self, letters: Sequence[tuple[Record, PoisonError]]) -> None:
        """Set records aside. Raises `TransientError` when they could not be written."""
        found: list[_Letter] = []
        for record, poison in letters:
            origin: dict[str, str | int] = {
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "stage": poison.stage,
                "reason": poison.code,
                "field": poison.field,
            }
            logger.warning(
                "dead_letter",
                **{**origin, "field": poison.field or None},
                service=self._service,
                hint="see referrals.dead-letters; mend the sender or the code, then replay",
            )
            found.append((origin, record.key, record.value, record.headers))
        await self._write(found)

    async def undeliverable(self, lost: Sequence[tuple[OutgoingRecord, str]]) -> None:
        """Set aside events of ours that can never be published."""
        found: list[_Letter] = []
        for message, code in lost:
            origin = {"topic": message.topic, "stage": "publish", "reason": "undeliverable", "field": code}
            logger.error(
                "undeliverable",
                **origin,
                service=self._service,
                hint="the topic is missing, closed to this service, or the event too large; its stream has been told",
            )
            found.append((origin, message.key, message.value, message.headers))
        await self._write(found)

    async def _write(self, letters: Sequence[_Letter]) -> None:
        """A record so large that even its dead letter is refused must not hold up the others: its origin remains."""
        refused = await self._log.publish([self._message(*letter) for letter in letters])
        if refused:
            stubs = [{**letters[index][0], "left_out": "key, value, headers"} for index in refused]
            refused = await self._log.publish([self._message(origin, None, None, ()) for origin in stubs])
        if refused:
            raise TransientError(f"dead letters can not be written: {', '.join(sorted(set(refused.values())))}")
        for origin, *_ in letters:
            self._meter.dead_letter(str(origin["stage"]), str(origin["reason"]))

    def _message(
        self,
        origin: Mapping[str, str | int],
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> OutgoingRecord:
        whole = orjson.dumps(
            {
                "key": _text(key),
                "value": _text(value),
                "headers": [[name, _text(content)] for name, content in headers],
            }
        )
        clear = {"service": self._service, **origin}
        return OutgoingRecord(
            topic=topics.DEAD_LETTERS,
            key=os.urandom(8),
            value=seal_to(self._operator_key, whole, DEAD_LETTER).encode(),
            headers=[(f"dlq_{name}", str(content).encode()) for name, content in clear.items()],
        )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()
