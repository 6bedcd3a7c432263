"""The gate in front of a service that tenants write to. Stateless: it checks, seals, and passes on.

It takes the tenant from the topic, never from the body; what is not a CloudEvent goes to the dead letters, what is not
well-formed is refused, and of either its sender is told; what is well-formed goes to ``referrals.inbox.<service>``
under the stream's key. So an untrusted key never decides where a stream lives, and a new tenant's topic rebalances the
gate only. The steps are the loop's without the journal: decode, prepare, admit, publish, commit; the ids are the same
on a repetition.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from pydantic import ValidationError

from contracts import topics
from contracts.base import Message as Body
from contracts.cloudevents import CloudEvent, MalformedError, decode, encode
from contracts.ids import derived_id
from contracts.intake import Problem

from ..clock import Clock
from ..engine.dead_letters import DeadLetters
from ..errors import FatalError, PoisonError, TransientError, where
from ..ports import Batch, Log, OutgoingRecord, Record
from ..telemetry.logs import handled
from ..telemetry.metrics import Meter, Stopwatch
from ..telemetry.trace_context import Span, Tracing, traceparent
from .tenant_registry import TenantRegistry
from .validation_errors import fix_of, lint_raw_json, problems_of

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A tenant's event, well-formed. `at` is the broker's append time: no sender can set it."""

    tenant: str
    event: CloudEvent
    data: Body
    at: datetime
    record: Record


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a gate passes on. `bodyhash` identifies the original body where it had to be sealed."""

    event: Body
    topic: str
    key: str
    bodyhash: str | None = None


class RefusalError(Exception):
    """A well-formed event that can not be acted on: what to fix."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = list(problems)


class Admission(Protocol):
    """A service's own part of its gate."""

    accepts: Mapping[str, type[Body]]
    """What tenants may send, by CloudEvents type."""

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Gather what `admit` needs (data keys), for a whole batch. Raises `TransientError`."""
        ...

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """What to pass on. Raises `RefusalError`."""
        ...

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """How the sender is told."""
        ...


@dataclass(frozen=True, slots=True)
class _Passed:
    record: Record
    event: CloudEvent
    messages: Sequence[OutgoingRecord]
    outcome: str
    """Empty: it is in the dead letters, and said there."""


class Gate:
    """Runs one `Admission` over the log. `handle` is never entered twice at a time."""

    def __init__(
        self,
        service: str,
        admission: Admission,
        *,
        log: Log,
        clock: Clock,
        dead_letters: DeadLetters,
        meter: Meter | None = None,
        tracing: Tracing | None = None,
        size_limit: int = 262_144,
        tombstones: bool = False,
        registry: TenantRegistry | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.service = service
        self._admission = admission
        self._log, self._clock, self._dead_letters = log, clock, dead_letters
        self._meter = meter or Meter(service)
        self._tracing = tracing
        self._size_limit = size_limit
        self._sleep = sleep
        self._tombstones = tombstones  # on a compacted topic no value means deleted, not broken
        self._registry = registry
        self._fault = fault
        self._failures = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def handle(self, batch: Batch) -> None:
        """Pass a batch on and settle it: commit, or back off and nack. Raises `FatalError` only."""
        self.idle.clear()
        try:
            await self._steps(batch)
            await batch.commit()
            self._failures = 0
        except TransientError as error:
            self._failures += 1
            pause = min(0.1 * 2**self._failures, 5.0)
            logger.warning(
                "batch_postponed",
                service=f"{self.service}-gate",
                reason=str(error),
                retry_in_s=pause,
                hint="Kafka or MongoDB is away or slow; nothing is lost, the batch comes again by itself",
            )
            await self._sleep(pause)
            await batch.nack()
        finally:
            self.idle.set()

    def forget(self) -> None:
        """Nothing is kept between batches."""

    async def _steps(self, batch: Batch) -> None:
        watch, records = Stopwatch(), batch.records
        letters: list[tuple[Record, PoisonError]] = []
        passed: list[_Passed] = []
        arrivals: list[Arrival] = []
        for record in records:
            if record.value is None and self._tombstones:
                continue
            try:
                tenant, event = self._tenant(record), self._event(record)
                try:
                    arrivals.append(self._arrival(tenant, record, event))
                except ValidationError as fault:
                    if any(error["type"] == "json_invalid" for error in fault.errors(include_input=False)):
                        letters.append((record, PoisonError("decode", "body-not-json", "value")))
                    passed.append(self._refused(tenant, record, event, problems_of(fault)))
                except RefusalError as refusal:
                    passed.append(self._refused(tenant, record, event, refusal.problems))
            except PoisonError as poison:
                letters.append((record, poison))
        watch.lap("decode")
        await self._admission.prepare(arrivals)
        watch.lap("prepare")
        for arrival in arrivals:
            try:
                passed.append(self._admitted(arrival))
            except PoisonError as poison:
                letters.append((arrival.record, poison))
        told = {each.record.position for each in passed}
        passed += [each for letter in letters if letter[0].position not in told for each in self._told(*letter)]
        passed.sort(key=lambda each: each.record.position)  # a refusal keeps its place among its neighbours
        messages = [message for each in passed for message in each.messages]
        watch.lap("admit")
        self._fault("admitted")
        refused = await self._log.publish(messages) if messages else {}
        if refused:
            raise FatalError(f"an inbox can not be written to: {', '.join(sorted(set(refused.values())))}")
        if letters:
            await self._dead_letters.send(letters)
        watch.lap("publish")
        self._fault("passed")
        elapsed = sum(watch.seconds.values())
        lines: list[tuple[CloudEvent, str, str]] = []
        for each in passed:
            if not each.outcome:
                continue
            id_ = derived_id(f"{self.service}-gate", each.record.topic, each.event.id)
            ours = each.event._replace(id=id_, causationid=None, traceparent=None)  # all text of the sender stays out
            lines.append((ours, each.messages[0].key.decode() if each.messages else "", each.outcome))
        handled(f"{self.service}-gate", elapsed * 1000, lines)
        self._meter.handled(Counter((event.type, outcome) for event, _, outcome in lines))
        logger.info(
            "batch",
            service=f"{self.service}-gate",
            batch_size=len(records),
            dead_letters=len(letters),
            lag=batch.lag(),
            duration_ms=round(elapsed * 1000, 3),
        )
        oldest = min((record.appended for record in records), default=None)
        age = None if oldest is None else (self._clock.now() - oldest).total_seconds()
        self._meter.batch("gate", len(records), elapsed, age)
        self._meter.steps("gate", watch)
        if self._tracing is not None:
            self._tracing.batch("gate", elapsed, len(records), _spans(passed), watch.seconds)

    def _tenant(self, record: Record) -> str:
        try:
            return topics.tenant_of(record.topic)
        except ValueError:  # the pattern says nothing of an id's length
            raise PoisonError("gate", "topic-not-a-tenants", "topic") from None

    def _event(self, record: Record) -> CloudEvent:
        if record.value is not None and len(record.value) > self._size_limit:
            raise PoisonError("gate", "too-large", "value")
        try:
            event = decode(record.headers, record.value, record.appended)
        except MalformedError as fault:
            raise PoisonError("decode", fault.code, fault.field) from None
        if event.type not in self._admission.accepts:
            raise PoisonError("gate", "type-unknown", "ce_type")
        return event

    def _arrival(self, tenant: str, record: Record, event: CloudEvent) -> Arrival:
        barred = self._registry.bars(tenant) if self._registry else None
        if barred is not None:
            raise RefusalError(Problem(field=record.topic.split(".")[0], fix=barred))
        model = self._admission.accepts[event.type]
        if found := lint_raw_json(record.value or b"", model):
            raise RefusalError(*found)
        data = model.read(event.data)
        claimed = getattr(data, "agency", None) or getattr(data, "provider", None)
        if claimed is not None and claimed != tenant:
            raise RefusalError(Problem(field=record.topic.split(".")[0], fix="must be your own id, or be left out"))
        return Arrival(tenant, event, data, record.appended, record)

    def _admitted(self, arrival: Arrival) -> _Passed:
        try:
            return self._passed(arrival.record, arrival.event, self._admission.admit(arrival), "admitted")
        except RefusalError as refusal:
            return self._refused(arrival.tenant, arrival.record, arrival.event, refusal.problems)
        except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this record alone is set aside
            raise self._failed(arrival.event, error) from None

    def _refused(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> _Passed:
        try:
            return self._passed(record, event, self._admission.refuse(tenant, record, event, problems), "refused")
        except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this record alone is set aside
            raise self._failed(event, error) from None

    def _told(self, record: Record, poison: PoisonError) -> Sequence[_Passed]:
        """The sender learns of a dead letter too: nobody else can mend what it sends.

        A fault of ours may be one in telling; then the dead letter alone remains.
        """
        fix = fix_of(poison.code)
        if poison.code == "type-unknown":
            fix += f": {', '.join(self._admission.accepts)}"
        field = "body" if poison.code == "admission-failed" else poison.field
        body = (record.value or b"")[: self._size_limit]
        # No CloudEvents id has a NUL, so this one is no other event's.
        event = CloudEvent(f"{record.partition}\0{record.offset}", "", "", record.appended, body)
        try:
            told = self._admission.refuse(self._tenant(record), record, event, [Problem(field=field, fix=fix)])
            return [self._passed(record, event, told, "")]
        except Exception:  # noqa: BLE001  # Poison, whatever it is: it is in the dead letters already
            return []

    def _passed(self, record: Record, event: CloudEvent, admitted: Sequence[Admitted], outcome: str) -> _Passed:
        messages = [self._message(record, event, each, index) for index, each in enumerate(admitted)]
        return _Passed(record, event, messages, outcome)

    def _failed(self, event: CloudEvent, error: Exception) -> PoisonError:
        logger.error(
            "admission_failed",
            service=f"{self.service}-gate",
            event_type=event.type,
            reason=type(error).__name__,
            where=where(error),
            hint="a fault in the gate; the event is in the dead letters, replay it once mended",
        )
        return PoisonError("gate", "admission-failed", type(error).__name__)

    def _message(self, record: Record, event: CloudEvent, admitted: Admitted, index: int) -> OutgoingRecord:
        """The id covers the sender's topic and id, so that no tenant can suppress another's event."""
        type_ = type(admitted.event).ce_type()
        id_ = derived_id(f"{self.service}-gate", record.topic, event.id, type_, index)
        return OutgoingRecord(
            topic=admitted.topic,
            key=admitted.key.encode(),
            value=admitted.event.model_dump_json().encode(),
            headers=encode(
                CloudEvent(
                    id=id_,
                    source=f"/referral-routing/{self.service}/gate",
                    type=type_,
                    time=record.appended,
                    data=b"",
                    causationid="/".join(map(str, record.position)),  # never the sender's own id: it may be a name
                    correlationid=admitted.key,
                    traceparent=traceparent(admitted.key, id_),  # a tenant's own is not trusted
                    bodyhash=admitted.bodyhash,
                )
            ),
        )


def _spans(passed: Sequence[_Passed]) -> list[Span]:
    """One for each event that is passed on. It is where its trace begins, so it came with none."""
    return [
        Span(headers["traceparent"].decode(), None, each.event.type, headers["ce_id"].decode(), each.outcome)
        for each in passed
        if each.outcome
        for headers in (dict(message.headers) for message in each.messages)
    ]
