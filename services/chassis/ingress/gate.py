"""The gate in front of a service that tenants write to. Stateless: it checks, seals, and passes on.

A tenant is identified by its topic, never by the body. A record that is not a CloudEvent goes to the dead letters, an
event that is not well-formed is refused, and the sender is notified of either. A well-formed event goes to
``referrals.inbox.<service>`` under its stream's key. So an untrusted key never decides on which instance a stream
lives, and a new tenant's topic rebalances only the gate.

The steps are the loop's without the journal: decode, prepare, admit, publish, commit. When a batch is repeated, the ids
are the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pydantic import ValidationError

from contracts import topics
from contracts.cloudevents import CloudEvent, MalformedError, decode, encode
from contracts.ids import derived_id
from contracts.profiles import Problem

from ..clock import Clock
from ..engine.backoff import Backoff
from ..engine.dead_letters import DeadLetters
from ..engine.reporting import batch_postponed
from ..errors import FatalError, PoisonError, TransientError
from ..ports import Batch, Log, OutgoingRecord, Record
from ..telemetry.metrics import Meter, Stopwatch
from ..telemetry.trace_context import Tracing, traceparent
from .admission import Admission, Admitted, Arrival, RefusalError
from .gate_batch import GateBatch, GateReporter, Outcome
from .plausibility import implausible_times
from .tenant_registry import TenantRegistry
from .validation_errors import fix_of, lint_raw_json, problems_of

__all__ = ["Admission", "Admitted", "Arrival", "Gate", "RefusalError"]


class Gate:
    """Runs one `Admission` over the log. `handle` is not re-entrant.

    `size_limit` is in bytes. `tombstones`: the topics are compacted, and a record without a value means deleted.
    """

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
        self._log, self._dead_letters = log, dead_letters
        self._reporter = GateReporter(service, clock, meter, tracing)
        self._size_limit = size_limit
        self._tombstones = tombstones
        self._registry = registry
        self._sleep = sleep
        self._fault = fault
        self._backoff = Backoff()
        self.idle = asyncio.Event()
        self.idle.set()

    async def handle(self, batch: Batch) -> None:
        """Pass a batch on and settle it: commit, or back off and nack. Raises only `FatalError`."""
        self.idle.clear()
        try:
            await self._run_steps(batch)
            await batch.commit()
            self._backoff.reset()
        except TransientError as error:
            pause = self._backoff.pause()
            batch_postponed(self._reporter.gate, error, pause)
            await self._sleep(pause)
            await batch.nack()
        finally:
            self.idle.set()

    def forget(self) -> None:
        """Do nothing: a gate keeps nothing between batches."""

    async def _run_steps(self, incoming: Batch) -> None:
        watch = Stopwatch()
        batch = self._decode(incoming.records)
        watch.lap("decode")
        await self._admission.prepare(batch.arrivals)
        watch.lap("prepare")
        self._admit(batch)
        self._notify_of_dead_letters(batch)
        batch.outcomes.sort(key=lambda each: each.record.position)  # a refusal keeps its place among its neighbours
        watch.lap("admit")
        self._fault("admitted")
        await self._publish(batch)
        watch.lap("publish")
        self._fault("passed")
        self._reporter.batch_done(batch, watch, incoming.lag())

    # decode -----------------------------------------------------------------------------------------------------------

    def _decode(self, records: Sequence[Record]) -> GateBatch:
        batch = GateBatch(records)
        for record in records:
            if record.value is None and self._tombstones:
                continue
            try:
                self._decode_record(record, batch)
            except PoisonError as poison:
                batch.poisoned.append((record, poison))
        return batch

    def _decode_record(self, record: Record, batch: GateBatch) -> None:
        """Add the record's event to the batch, or its refusal. Raises `PoisonError`."""
        tenant, event = self._tenant(record), self._event(record)
        try:
            batch.arrivals.append(self._arrival(tenant, record, event))
        except ValidationError as error:
            if any(each["type"] == "json_invalid" for each in error.errors(include_input=False)):
                batch.poisoned.append((record, PoisonError("decode", "body-not-json", "value")))
            problems = problems_of(error, self._admission.accepts[event.type])
            batch.outcomes.append(self._refused(tenant, record, event, problems))
        except RefusalError as refusal:
            batch.outcomes.append(self._refused(tenant, record, event, refusal.problems))

    def _tenant(self, record: Record) -> str:
        try:
            return topics.tenant_of(record.topic)
        except ValueError:  # the gate's pattern does not limit the length of an id
            raise PoisonError("gate", "topic-not-a-tenants", "topic") from None

    def _event(self, record: Record) -> CloudEvent:
        if record.value is not None and len(record.value) > self._size_limit:
            raise PoisonError("gate", "too-large", "value")
        try:
            event = decode(record.headers, record.value, record.appended)
        except MalformedError as error:
            raise PoisonError("decode", error.code, error.field) from None
        if event.type not in self._admission.accepts:
            raise PoisonError("gate", "type-unknown", "ce_type")
        return event

    def _arrival(self, tenant: str, record: Record, event: CloudEvent) -> Arrival:
        """The well-formed event in a record. Raises `RefusalError`, or `ValidationError` when the body is not valid."""
        barred = self._registry.bars(tenant) if self._registry else None
        if barred is not None:
            raise RefusalError(Problem(field=record.topic.split(".")[0], fix=barred))
        model = self._admission.accepts[event.type]
        # The record's value may be an envelope, and the body in it base64: each is a text that can be ambiguous.
        for text in dict.fromkeys((record.value or b"", event.data)):
            if problems := lint_raw_json(text, model):
                raise RefusalError(*problems)
        data = model.read(event.data)
        if problems := implausible_times(data, record.appended):
            raise RefusalError(*problems)
        claimed = getattr(data, "agency", None) or getattr(data, "provider", None)
        if claimed is not None and claimed != tenant:
            raise RefusalError(Problem(field=record.topic.split(".")[0], fix="must be your own id, or be left out"))
        return Arrival(tenant, event, data, record.appended, record)

    # admit ------------------------------------------------------------------------------------------------------------

    def _admit(self, batch: GateBatch) -> None:
        for arrival in batch.arrivals:
            try:
                batch.outcomes.append(self._admitted(arrival))
            except PoisonError as poison:
                batch.poisoned.append((arrival.record, poison))

    def _admitted(self, arrival: Arrival) -> Outcome:
        try:
            return self._outcome(arrival.record, arrival.event, self._admission.admit(arrival), "admitted")
        except RefusalError as refusal:
            return self._refused(arrival.tenant, arrival.record, arrival.event, refusal.problems)
        except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this record alone is set aside
            raise self._reporter.admission_failed(arrival.event, error) from None

    def _refused(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Outcome:
        try:
            return self._outcome(record, event, self._admission.refuse(tenant, record, event, problems), "refused")
        except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this record alone is set aside
            raise self._reporter.admission_failed(event, error) from None

    def _notify_of_dead_letters(self, batch: GateBatch) -> None:
        """Notify senders of their dead letters, unless they are notified of a refusal already.

        Nobody else can fix what they send.
        """
        refused = {outcome.record.position for outcome in batch.outcomes}
        for record, poison in batch.poisoned:
            if record.position not in refused:
                notice = self._dead_letter_notice(record, poison)
                batch.outcomes += [notice] if notice is not None else []

    def _dead_letter_notice(self, record: Record, poison: PoisonError) -> Outcome | None:
        """What notifies the sender of a dead letter; None when a bug of ours prevents it."""
        fix = fix_of(poison.code)
        if poison.code == "type-unknown":
            fix += f": {', '.join(self._admission.accepts)}"
        field = "body" if poison.code == "admission-failed" else poison.field
        body = (record.value or b"")[: self._size_limit]
        # A CloudEvents id never contains NUL, so no other event has this one.
        event = CloudEvent(f"{record.partition}\0{record.offset}", "", "", record.appended, body)
        try:
            notice = self._admission.refuse(self._tenant(record), record, event, [Problem(field=field, fix=fix)])
            return self._outcome(record, event, notice, "")
        except Exception:  # noqa: BLE001  # Poison, whatever it is: the record is in the dead letters already
            return None

    def _outcome(self, record: Record, event: CloudEvent, admitted: Sequence[Admitted], outcome: str) -> Outcome:
        refused = outcome != "admitted"
        messages = [self._message(record, event, each, index, refused) for index, each in enumerate(admitted)]
        return Outcome(record, event, messages, outcome)

    def _message(
        self, record: Record, event: CloudEvent, admitted: Admitted, index: int, refused: bool
    ) -> OutgoingRecord:
        """The record to pass on.

        Its id covers the sender's topic, so that no tenant can suppress another's event, and the key: one ``ce_id``
        under two references is two events. The id of a refusal also covers the body: two wrong bodies with one id get
        two answers, and readers drop what has an id that they have seen. Why: deploy/decisions/0010.
        """
        type_ = type(admitted.event).ce_type()
        body = [admitted.bodyhash] if refused else []
        id_ = derived_id(f"{self.service}-gate", record.topic, event.id, type_, index, admitted.key, *body)
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
                    traceparent=traceparent(admitted.key, id_),  # a tenant's own trace is not trusted
                    bodyhash=admitted.bodyhash,
                )
            ),
        )

    # publish ----------------------------------------------------------------------------------------------------------

    async def _publish(self, batch: GateBatch) -> None:
        """Publish what is passed on, then the dead letters. Raises `TransientError`, `FatalError`."""
        messages = batch.messages
        refused = await self._log.publish(messages) if messages else {}
        if refused:
            raise FatalError(f"an inbox cannot be written to: {', '.join(sorted(set(refused.values())))}")
        if batch.poisoned:
            await self._dead_letters.send(batch.poisoned)
