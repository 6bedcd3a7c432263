"""Records that cannot be handled, kept whole for the operators and readable by nobody else.

Key, value and headers are sealed together to the operators' key. Only the ``dlq_*`` headers are in clear text, as
strings like Kafka Connect's: service, topic, partition, offset, stage, reason code and field path; never input.
A record that is too large to keep leaves only these headers, with ``dlq_left_out``.
"""

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
import structlog

from contracts import topics

from ..encryption import DEAD_LETTER, seal_to
from ..errors import PoisonError, TransientError
from ..ports import Log, OutgoingRecord, Record
from ..telemetry.metrics import Meter

logger = structlog.get_logger()


class _DeadLetter(NamedTuple):
    """What is kept of a record. `origin` becomes the ``dlq_*`` headers, the rest is sealed."""

    origin: Mapping[str, str | int]
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class DeadLetters:
    """Writes to ``referrals.dead-letters``. When that fails, the batch is not committed: nothing is lost."""

    def __init__(self, service: str, log: Log, operator_key: str, meter: Meter | None = None) -> None:
        self._service = service
        self._meter = meter or Meter(service)
        self._log = log
        self._operator_key = operator_key

    async def send(self, poisoned: Sequence[tuple[Record, PoisonError]]) -> None:
        """Set records aside. Raises `TransientError` when they could not be written."""
        dead_letters: list[_DeadLetter] = []
        for record, poison in poisoned:
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
                hint="see referrals.dead-letters; fix the sender or the code, then replay the record",
            )
            dead_letters.append(_DeadLetter(origin, record.key, record.value, record.headers))
        await self._write(dead_letters)

    async def undeliverable(self, refused: Sequence[tuple[OutgoingRecord, str]]) -> None:
        """Set aside events of ours that can never be published, each with its reason code.

        Raises `TransientError` when they could not be written.
        """
        dead_letters: list[_DeadLetter] = []
        for message, code in refused:
            origin = {"topic": message.topic, "stage": "publish", "reason": "undeliverable", "field": code}
            logger.error(
                "undeliverable",
                **origin,
                service=self._service,
                hint="the topic is missing or closed to this service, or the event is too large; "
                "its stream has been notified",
            )
            dead_letters.append(_DeadLetter(origin, message.key, message.value, message.headers))
        await self._write(dead_letters)

    async def _write(self, dead_letters: Sequence[_DeadLetter]) -> None:
        """Write them all. One that Kafka refuses as too large is reduced to its origin, and holds up no other."""
        refused = await self._log.publish([self._message(each) for each in dead_letters])
        if refused:
            reduced = [
                _DeadLetter({**dead_letters[index].origin, "left_out": "key, value, headers"}, None, None, ())
                for index in refused
            ]
            refused = await self._log.publish([self._message(each) for each in reduced])
        if refused:
            raise TransientError(f"dead letters cannot be written: {', '.join(sorted(set(refused.values())))}")
        for each in dead_letters:
            self._meter.dead_letter(str(each.origin["stage"]), str(each.origin["reason"]))

    def _message(self, dead_letter: _DeadLetter) -> OutgoingRecord:
        sealed = orjson.dumps(
            {
                "key": _text(dead_letter.key),
                "value": _text(dead_letter.value),
                "headers": [[name, _text(content)] for name, content in dead_letter.headers],
            }
        )
        clear = {"service": self._service, **dead_letter.origin}
        return OutgoingRecord(
            topic=topics.DEAD_LETTERS,
            key=os.urandom(8),
            value=seal_to(self._operator_key, sealed, DEAD_LETTER).encode(),
            headers=[(f"dlq_{name}", str(content).encode()) for name, content in clear.items()],
        )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()
