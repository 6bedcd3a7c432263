"""The six steps from a batch of records to its commit. `architecture.md`, "The heart", has the same numbers.

    1 decode   2 load   3 decide   4 store   5 effects (publish, timers, rows)   6 commit

It dies: before 4, the batch is handled again as if new; after 4, each cause is found in the journal and what it led to
is published again with the same ids. So each event takes effect once; it may be delivered again with the same id.
"""

import asyncio
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

import structlog

from contracts.cloudevents import CloudEvent
from contracts.operations import DeliveryFailed

from ..clock import Clock
from ..decider import Claim, Context, ContextLoader, Effect, Emit, IncomingEvent, NoContext, Policy, S
from ..errors import PoisonError, TransientError, where
from ..ports import Batch, Claims, Log, Partition, Position, Record, Row, Store
from ..telemetry.logs import handled
from ..telemetry.metrics import Meter, Stopwatch
from ..telemetry.trace_context import Span, Tracing, follow, span_of
from .dead_letters import DeadLetters
from .decoding import DecodedRecord, decode_record
from .effects import Delivery, OutboundTransform
from .journal import JournalEntry, fold

logger = structlog.get_logger()

Letters = dict[Position, tuple[Record, PoisonError]]

_ROUNDS = 50
"""How often a batch decides again what lost a race, before it backs off."""

_DOCUMENT = 4_000_000
"""Characters of facts after which a stream's document is full: MongoDB takes no more than 16 MB. One event's facts are
well below that, since no event is larger than a megabyte."""


@dataclass(slots=True)
class Stream(Generic[S]):
    """A folded stream: state, the next document's n, and the causes it has seen with the hash of their bodies.

    `fresh` is true in the batch that loaded it: then what it says needs no second look.
    """

    state: S
    n: int = 0
    causes: dict[str, str] = field(default_factory=dict)
    fresh: bool = True


class Loop(Generic[S]):
    """Runs one policy over the three ports. One per service; `handle` is never entered twice at a time."""

    def __init__(
        self,
        service: str,
        policy: Policy[S],
        *,
        log: Log,
        store: Store,
        claims: Claims,
        clock: Clock,
        dead_letters: DeadLetters,
        context_loader: ContextLoader | None = None,
        render: OutboundTransform | None = None,
        meter: Meter | None = None,
        tracing: Tracing | None = None,
        cached_streams: int = 20_000,
        stream_limit: int = 1_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.service = service
        self._policy = policy
        self._store, self._claims, self._clock = store, claims, clock
        wants_notice = DeliveryFailed.ce_type() in policy.handles
        self._delivery = Delivery(service, log, store, claims, dead_letters, render, wants_notice, fault)
        self._context_loader: ContextLoader = context_loader or NoContext()
        self._meter = meter or Meter(service)
        self._tracing = tracing
        self._limit = stream_limit
        self._room = cached_streams
        self._sleep = sleep
        self._fault = fault
        self._streams: OrderedDict[str, Stream[S]] = OrderedDict()
        self._floor: dict[Partition, int] = {}
        self._outdated = True
        self._failures = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def handle(self, batch: Batch) -> None:
        """Take a batch through all steps and settle it: commit, or back off and nack. Raises `FatalError` only."""
        watch = Stopwatch()
        self.idle.clear()
        records = batch.records
        try:
            if self._outdated:  # here, not in the rebalance callback: that may come amid a batch, and may deadlock
                self._outdated = False
                self._streams.clear()
                self._floor = await batch.committed()
                # The rest is of partitions that are another instance's by now: what is owed there is not known here.
                records = [record for record in records if (record.topic, record.partition) in self._floor]
            await self._steps(records, batch.lag, watch)
            self._floor.update(await batch.commit())  # 6
            watch.lap("commit")
            self._fault("committed")
            self._meter.steps("loop", watch)
            self._failures = 0
        except TransientError as error:
            self._failures += 1
            self.forget()
            pause = min(0.1 * 2**self._failures, 5.0)
            logger.warning(
                "batch_postponed",
                service=self.service,
                reason=str(error),
                retry_in_s=pause,
                hint="Kafka or MongoDB is away or slow; nothing is lost, the batch comes again by itself",
            )
            await self._sleep(pause)
            await batch.nack()
        except BaseException:
            self.forget()
            raise
        finally:
            self.idle.set()

    def forget(self) -> None:
        """Drop all cached states and the floor before the next batch: after an assignment, or a batch that failed."""
        self._outdated = True

    async def _steps(self, records: Sequence[Record], lag: Callable[[], int], watch: Stopwatch) -> None:
        items, letters = self._decode(records)  # 1
        watch.lap("decode")
        self._fault("decoded")
        done: dict[int, JournalEntry] = {}
        journaled: set[int] = set()
        owed: list[JournalEntry] = []
        todo = list(enumerate(items))
        rounds = 0
        while todo:
            rounds += 1
            if rounds > _ROUNDS:
                raise TransientError("the same streams lose every race")
            owed += await self._load(todo, letters)  # 2
            context = await self._context_loader.gather([(self._streams[i.stream].state, i.data) for _, i in todo])
            watch.lap("load")
            self._fault("loaded")
            drafts, claims, again = await self._decide(todo, context, done, journaled, letters)  # 3
            watch.lap("decide")
            self._fault("decided")
            again |= await self._store_drafts(drafts, claims)  # 4
            watch.lap("store")
            self._fault("stored")
            for stream in again:
                self._streams.pop(stream, None)
            todo = [(index, item) for index, item in todo if item.stream in again]
            for index, item in todo:  # what was concluded from a state that never was counts for nothing
                done.pop(index, None)
                journaled.discard(index)
                letters.pop(item.record.position, None)
        entries = [done[index] for index in sorted(done)]
        await self._delivery.carry_out([*owed, *entries], list(letters.values()))  # 5
        watch.lap("publish")
        self._fault("published")
        self._finish(items, done, journaled, len(letters), watch, lag())
        watch.lap("report")

    # 1 ---------------------------------------------------------------------------------------------------------------

    def _decode(self, records: Sequence[Record]) -> tuple[list[DecodedRecord], Letters]:
        items: list[DecodedRecord] = []
        letters: Letters = {}
        for record in records:
            try:
                item = decode_record(record, self._policy)
            except PoisonError as poison:
                letters[record.position] = (record, poison)
            except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this event alone is set aside
                letters[record.position] = (record, self._failed("stream", error))
            else:
                if item is None:
                    self._meter.skipped()
                else:
                    items.append(item)
        return items, letters

    # 2 ---------------------------------------------------------------------------------------------------------------

    async def _load(self, todo: list[tuple[int, DecodedRecord]], letters: Letters) -> list[JournalEntry]:
        """Fold what is not cached. Returns entries whose facts may never have been published: they go out first."""
        missing = list(dict.fromkeys(item.stream for _, item in todo if item.stream not in self._streams))
        found = await self._store.load(missing) if missing else {}
        owed: list[JournalEntry] = []
        for stream in missing:
            documents = found.get(stream, [])
            try:
                entries = [JournalEntry.read(stream, each) for document in documents for each in document["entries"]]
                owed += [entry for entry in entries if self._unsettled(entry)]  # in the journal's order, not by topic
                self._streams[stream] = self._fold(stream, documents, entries)
            except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this stream alone is set aside
                logger.error(
                    "stream_quarantined",
                    service=self.service,
                    stream=stream,
                    reason=type(error).__name__,
                    where=where(error),
                    hint="its journal can not be folded; its events go to the dead letters until it is mended",
                )
                for _, item in todo:
                    if item.stream == stream:
                        letters[item.record.position] = (item.record, PoisonError("fold", "stream-quarantined"))
                todo[:] = [(index, item) for index, item in todo if item.stream != stream]
        return owed

    def _fold(self, stream: str, documents: Sequence[dict[str, Any]], entries: Sequence[JournalEntry]) -> Stream[S]:
        causes = {entry.cause: entry.hash for entry in entries}
        return Stream(fold(self._policy, stream, entries), documents[-1]["n"] + 1 if documents else 0, causes)

    def _unsettled(self, entry: JournalEntry) -> bool:
        """True when the event was handled but its offset never committed: it died between steps 4 and 6."""
        topic, partition, offset = entry.position
        floor = self._floor.get((topic, partition))
        return floor is not None and offset >= floor

    # 3 ---------------------------------------------------------------------------------------------------------------

    async def _decide(
        self,
        todo: Sequence[tuple[int, DecodedRecord]],
        context: Context,
        done: dict[int, JournalEntry],
        journaled: set[int],
        letters: Letters,
    ) -> tuple[dict[str, list[JournalEntry]], dict[str, list[Claim]], set[str]]:
        """Decide in order. Returns what to store, what to claim, and the streams to load anew and decide again."""
        drafts: dict[str, list[JournalEntry]] = defaultdict(list)
        claims: dict[str, list[Claim]] = defaultdict(list)
        again: set[str] = set()
        sizes: dict[str, int] = defaultdict(int)
        for index, item in todo:
            if item.stream in again:
                continue
            if sizes[item.stream] > _DOCUMENT:
                again.add(item.stream)  # what is drafted is stored; the rest goes into a document of its own
                continue
            stream = self._streams[item.stream]
            if stream.causes.get(item.cause) == item.hash:
                done[index] = await self._seen(item, drafts[item.stream])
                continue
            entry = JournalEntry(
                stream=item.stream,
                cause=item.cause,
                hash=item.hash,
                type=item.event.type,
                position=item.record.position,
                at=self._clock.now(),  # not one for all: two reminders of one need would be told as one and the same
                key=item.key,
                trace=item.event.traceparent
                if self._tracing is None
                else follow(self.service, item.event.traceparent, item.key, item.stream, item.cause),
            )
            poison: PoisonError | None = None
            effects: Sequence[Effect] = ()
            state = stream.state
            try:
                effects, state = self._decision(stream, item, entry, context)
            except PoisonError as fault:
                poison = fault
            changes = any(isinstance(effect, Emit) for effect in effects)
            if not changes and not stream.fresh and not drafts[item.stream]:
                again.add(item.stream)  # step 4 would not notice that the cached state is stale: look again
                continue
            if poison is not None:
                letters[item.record.position] = (item.record, poison)
                continue
            context.consume(effects)
            done[index] = entry
            if changes:
                journaled.add(index)
                drafts[item.stream].append(entry)
                sizes[item.stream] += sum(len(fact.get("text", "")) for fact in entry.facts)
                claims[item.stream] += [effect for effect in effects if isinstance(effect, Claim)]
                stream.causes[item.cause] = item.hash
                stream.state = state
        return {stream: entries for stream, entries in drafts.items() if entries}, claims, again

    def _decision(
        self, stream: Stream[S], item: DecodedRecord, entry: JournalEntry, context: Context
    ) -> tuple[Sequence[Effect], S]:
        """The effects, written down in `entry`, and the state after them. Raises `PoisonError`; `stream` is untouched."""
        arrived = IncomingEvent(item.data, item.event.id, item.event.time, item.key)
        reused = item.cause in stream.causes
        if reused:
            logger.warning(
                "event_id_reused",
                service=self.service,
                event_id=item.event.id,
                hint="the sender used one id for two bodies; the first one counts",
            )
        elif len(stream.causes) >= self._limit:
            raise PoisonError("decide", "too-many-changes")
        state = stream.state
        try:
            if reused:
                effects = self._policy.on_id_reuse(state, arrived)
            else:
                effects = self._policy.decide(state, arrived, entry.at, context)
            for effect in effects:
                if isinstance(effect, Emit):
                    state = self._policy.evolve(state, effect.event)
            entry.record(self.service, effects)
        except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this event alone is set aside
            raise self._failed("decide", error, item.event) from None
        return effects, state

    def _failed(self, stage: str, error: Exception, event: CloudEvent | None = None) -> PoisonError:
        logger.error(
            "decision_failed",
            service=self.service,
            event_type=event and event.type,
            event_id=event and event.id,
            reason=type(error).__name__,
            where=where(error),
            hint="a fault in the policy; the event is in the dead letters, replay it once mended",
        )
        return PoisonError(stage, "decision-failed", type(error).__name__)

    async def _seen(self, item: DecodedRecord, draft: Sequence[JournalEntry]) -> JournalEntry:
        """The entry an event led to the first time."""
        for entry in draft:
            if entry.cause == item.cause:
                return entry
        for document in (await self._store.load([item.stream])).get(item.stream, ()):
            for each in document["entries"]:
                if each["cause"] == item.cause:
                    return JournalEntry.read(item.stream, each)
        raise TransientError("a cause that was cached is not in the journal")

    # 4 ---------------------------------------------------------------------------------------------------------------

    async def _store_drafts(self, drafts: dict[str, list[JournalEntry]], claims: dict[str, list[Claim]]) -> set[str]:
        """Claim, then insert. Returns the streams that lost a claim or a race: they are decided again."""
        wanted = [Row(claim.table, claim.id, claim.doc) for each in claims.values() for claim in each]
        refused = await self._claims.take(wanted) if wanted else set()
        if wanted:
            self._fault("claimed")
        lost: set[str] = {stream for stream, each in claims.items() if any(claim.id in refused for claim in each)}
        documents: list[dict[str, Any]] = [
            {
                "_id": f"{stream}:{self._streams[stream].n}",
                "stream": stream,
                "n": self._streams[stream].n,
                "entries": [entry.document() for entry in entries],
            }
            for stream, entries in drafts.items()
            if stream not in lost
        ]
        conflicts = await self._store.append(documents) if documents else set()
        for document in documents:
            if document["_id"] in conflicts:
                lost.add(document["stream"])
            else:
                self._streams[document["stream"]].n += 1
        if lost:
            self._meter.conflicts(len(lost))
        return lost

    # after -----------------------------------------------------------------------------------------------------------

    def _finish(
        self,
        items: Sequence[DecodedRecord],
        done: dict[int, JournalEntry],
        journaled: set[int],
        letters: int,
        watch: Stopwatch,
        lag: int,
    ) -> None:
        """Canonical log lines, counts, and the cache back to its size (never inside a batch)."""
        elapsed = sum(watch.seconds.values())
        lines: list[tuple[CloudEvent, str, str]] = []
        spans: list[Span | None] = []
        for index, item in enumerate(items):
            entry = done.get(index)
            if entry is not None:
                outcome = "decided" if index in journaled else "answered" if entry.facts else "ignored"
                lines.append((item.event, item.key, outcome))
                if self._tracing is not None and entry.position == item.record.position:  # else it was delivered again
                    spans.append(span_of(item.event, entry.trace, outcome))
        handled(self.service, elapsed * 1000, lines)
        self._meter.handled(Counter((event.type, outcome) for event, _, outcome in lines))
        logger.info(
            "batch",
            service=self.service,
            batch_size=len(items),
            dead_letters=letters,
            lag=lag,
            duration_ms=round(elapsed * 1000, 3),
        )
        oldest = min((item.event.time for item in items), default=None)
        age = None if oldest is None else (self._clock.now() - oldest).total_seconds()
        self._meter.batch("loop", len(items), elapsed, age)
        if self._tracing is not None:
            self._tracing.batch("loop", elapsed, len(items), [each for each in spans if each], watch.seconds)
        for stream in {item.stream for item in items}:
            cached = self._streams.get(stream)
            if cached is not None:
                cached.fresh = False
                self._streams.move_to_end(stream)
        while len(self._streams) > self._room:
            self._streams.popitem(last=False)
