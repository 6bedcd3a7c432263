"""One service on memory twins, for tests of the chassis: send events, run loops, inspect what they publish."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from contracts import topics
from contracts.base import Message as Body
from contracts.cloudevents import CloudEvent, decode, encode
from services.chassis.encryption import DEAD_LETTER, new_pair, open_sealed
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.engine.loop import Loop
from services.chassis.ports import Record
from tests.support import counter

from .clock import HandClock, no_pause
from .memory_twins import MemoryClaims, MemoryConsumer, MemoryGroup, MemoryLog, MemoryStore

OPERATOR_PRIVATE, OPERATOR_PUBLIC = new_pair()


class ProcessDiedError(BaseException):
    """The process has died."""


@dataclass(frozen=True)
class Seen:
    """An event as a reader of the log sees it."""

    id: str
    type: str
    body: dict[str, Any]
    record: Record
    event: CloudEvent


class Rig:
    """The counter service on its twins. The twins stay while loops come and go."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now)
        self.log.create(counter.INBOX, counter.FIRST, counter.OTHER, counter.COUNTED, counter.ANSWERS)
        self.log.create(topics.DEAD_LETTERS, partitions=1)
        self.store = MemoryStore()
        self.claims = MemoryClaims()
        self.group = MemoryGroup(self.log, counter.INBOX, counter.FIRST, counter.OTHER)
        self._sent = 0

    def loop(self, die_at: str | None = None, **options: Any) -> Loop[counter.Counter]:
        """A new instance. With `die_at`, it dies the first time it reaches this crash point."""

        def fault(step: str) -> None:
            if step == die_at:
                raise ProcessDiedError(step)

        options.setdefault("context_loader", counter.Seats(self.claims, "s1", "s2"))
        return Loop(
            counter.SERVICE,
            options.pop("policy", counter.CounterPolicy()),
            log=self.log,
            store=self.store,
            claims=self.claims,
            clock=self.clock,
            dead_letters=DeadLetters(counter.SERVICE, self.log, OPERATOR_PUBLIC),
            sleep=options.pop("sleep", no_pause),
            fault=options.pop("fault", fault),
            **options,
        )

    def send(
        self,
        event: Body,
        *,
        id_: str | None = None,
        topic: str = counter.INBOX,
        key: str | None = None,
        traceparent: str | None = None,
    ) -> str:
        """Put an event on a topic, by default keyed by its stream. Returns its id."""
        self._sent += 1
        id_ = id_ or f"e{self._sent}"
        stream = counter.CounterPolicy().stream(event)
        kind = type(event).ce_type()
        headers = encode(CloudEvent(id_, "/tests", kind, self.clock.now(), b"", traceparent=traceparent))
        self.log.append(topic, (stream if key is None else key).encode(), event.model_dump_json().encode(), headers)
        return id_

    def seen(self, topic: str = counter.COUNTED) -> list[Seen]:
        """The events on a topic, partition by partition."""
        return [seen(record) for record in self.log.read(topic)]

    def totals(self, name: str, topic: str = counter.COUNTED) -> list[int]:
        """A counter's totals, as seen by a reader that drops repeated ids."""
        of_name = [each for each in self.seen(topic) if each.body["counter"] == name and "total" in each.body]
        return [each.body["total"] for each in once(of_name)]

    def dead(self) -> list[dict[str, str]]:
        """The headers of the dead letters, without the prefix ``dlq_``."""
        return [
            {name.removeprefix("dlq_"): (value or b"").decode() for name, value in record.headers}
            for record in self.log.read(topics.DEAD_LETTERS)
        ]

    async def die(self, consumer: MemoryConsumer, step: str, **options: Any) -> None:
        """Handle one batch with an instance that dies at a crash point, and leave the group."""
        batch = consumer.fetch()
        assert batch is not None
        try:
            await self.loop(die_at=step, **options).handle(batch)
        except ProcessDiedError:
            pass
        else:
            raise AssertionError(f"it never reached {step}")
        self.group.leave(consumer)


def seen(record: Record) -> Seen:
    event = decode(record.headers, record.value, record.appended)
    return Seen(event.id, event.type, orjson.loads(event.data), record, event)


def once(events: Iterable[Seen]) -> list[Seen]:
    """The events without repeated ids, as every consumer reads them."""
    return list({each.id: each for each in events}.values())


def opened(record: Record) -> dict[str, Any]:
    """The content of a dead letter, opened with the operators' key."""
    return orjson.loads(open_sealed(OPERATOR_PRIVATE, (record.value or b"").decode(), DEAD_LETTER))
