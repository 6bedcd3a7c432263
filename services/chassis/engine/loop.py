"""The six steps from a batch of records to its commit. `architecture.md`, "The heart", has the same numbers.

    1 decode   2 load   3 decide   4 store   5 effects (rows, timers, events)   6 commit

If the process dies before step 4, the batch is handled again as if it were new. If it dies later, every event of the
batch is found in the journal, and its effects are carried out again with the same ids. So each event takes effect once,
and what follows from it may be published more than once under the same id.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic

from contracts.operations import DeliveryFailed

from ..clock import Clock
from ..decider import Context, ContextLoader, NoContext, Policy, S
from ..errors import PoisonError, TransientError
from ..ports import Batch, Claims, Log, Partition, Record, Row, Store
from ..telemetry.metrics import Meter, Stopwatch
from ..telemetry.trace_context import Tracing
from .backoff import Backoff
from .batch import BatchInProgress, Draft
from .dead_letters import DeadLetters
from .deciding import EventDecider
from .decoding import DecodedRecord, decode_record
from .effects import Delivery, OutboundTransform
from .journal import JournalEntry, entries_of, fold
from .reporting import LoopReporter, batch_postponed
from .stream_cache import CachedStream, StreamCache

_MOST_ROUNDS = 50
"""How often a batch decides again what lost a race, before it backs off."""

Drafts = dict[str, Draft]
"""By stream."""


class Loop(Generic[S]):
    """Runs one policy over the ports. One per service; `handle` is not re-entrant."""

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
        self._policy = policy
        self._store, self._claims = store, claims
        self._context_loader: ContextLoader = context_loader or NoContext()
        self._reporter = LoopReporter(service, clock, meter, tracing)
        self._decider = EventDecider(
            policy, clock, self._reporter, stream_limit=stream_limit, traces=tracing is not None
        )
        wants_notice = DeliveryFailed.ce_type() in policy.handles
        self._delivery = Delivery(service, log, store, claims, dead_letters, render, wants_notice, fault)
        self._sleep = sleep
        self._fault = fault
        self._streams: StreamCache[S] = StreamCache(cached_streams)
        self._committed_offsets: dict[Partition, int] = {}
        self._stale_cache = True
        self._backoff = Backoff()
        self.idle = asyncio.Event()
        self.idle.set()

    async def handle(self, batch: Batch) -> None:
        """Take a batch through all steps and settle it: commit, or back off and nack. Raises only `FatalError`."""
        watch = Stopwatch()
        self.idle.clear()
        try:
            records = await self._own_records(batch)
            await self._run_steps(records, batch.lag, watch)
            self._committed_offsets.update(await batch.commit())  # step 6
            watch.lap("commit")
            self._fault("committed")
            self._reporter.meter.steps("loop", watch)
            self._backoff.reset()
        except TransientError as error:
            self.forget()
            pause = self._backoff.pause()
            batch_postponed(self._reporter.service, error, pause)
            await self._sleep(pause)
            await batch.nack()
        except BaseException:
            self.forget()
            raise
        finally:
            self.idle.set()

    def forget(self) -> None:
        """Drop what is cached before the next batch: after an assignment, or after a batch that failed.

        Not at once, since a rebalance callback may come during a batch.
        """
        self._stale_cache = True

    async def _own_records(self, batch: Batch) -> Sequence[Record]:
        """The records to handle. After `forget`, start from an empty cache and the group's committed offsets.

        Records of partitions that now belong to another instance are left to it: only the owner of a partition knows
        what earlier events on it have left unpublished.
        """
        if not self._stale_cache:
            return batch.records
        self._stale_cache = False
        self._streams.clear()
        self._committed_offsets = await batch.committed()
        return [record for record in batch.records if (record.topic, record.partition) in self._committed_offsets]

    async def _run_steps(self, records: Sequence[Record], lag: Callable[[], int], watch: Stopwatch) -> None:
        batch = self._decode(records)
        watch.lap("decode")
        self._fault("decoded")
        rounds = 0
        while batch.pending:
            rounds += 1
            if rounds > _MOST_ROUNDS:
                raise TransientError("the same streams lose every race")
            context = await self._load(batch)
            watch.lap("load")
            self._fault("loaded")
            drafts, again = await self._decide(batch, context)
            watch.lap("decide")
            self._fault("decided")
            again |= await self._store_drafts(drafts)
            watch.lap("store")
            self._fault("stored")
            for stream in again:
                self._streams.pop(stream, None)
            batch.keep_pending(again)
        await self._delivery.carry_out(batch.entries, batch.dead_letters)  # step 5
        watch.lap("publish")
        self._fault("published")
        self._reporter.batch_done(batch, watch, lag())
        self._streams.end_batch(record.stream for record in batch.records)
        watch.lap("report")

    # 1 ---------------------------------------------------------------------------------------------------------------

    def _decode(self, records: Sequence[Record]) -> BatchInProgress:
        """Decode each record on its own. Skip types that the policy does not handle; set aside what is broken."""
        batch = BatchInProgress()
        for record in records:
            try:
                decoded = decode_record(record, self._policy)
            except PoisonError as poison:
                batch.undecodable.append((record, poison))
            except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this event alone is set aside
                batch.undecodable.append((record, self._reporter.policy_failed("stream", error)))
            else:
                if decoded is None:
                    self._reporter.meter.skipped()
                else:
                    batch.records.append(decoded)
        batch.pending = list(batch.records)
        return batch

    # 2 ---------------------------------------------------------------------------------------------------------------

    async def _load(self, batch: BatchInProgress) -> Context:
        """Fold the streams that are not cached, note what they left unpublished, and gather the context."""
        streams = dict.fromkeys(record.stream for record in batch.pending)
        missing = [stream for stream in streams if stream not in self._streams]
        documents_by_stream = await self._store.load(missing) if missing else {}
        for stream in missing:
            documents = documents_by_stream.get(stream, [])
            try:
                entries = list(entries_of(documents))
                batch.unpublished += [entry for entry in entries if self._uncommitted(entry)]  # in the journal's order
                self._streams[stream] = self._fold(stream, documents, entries)
            except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this stream alone is set aside
                self._reporter.stream_quarantined(stream, error)
                batch.quarantine(stream)
        return await self._context_loader.gather(
            [(self._streams[record.stream].state, record.data) for record in batch.pending]
        )

    def _fold(
        self, stream: str, documents: Sequence[dict[str, Any]], entries: Sequence[JournalEntry]
    ) -> CachedStream[S]:
        hash_by_cause = {entry.cause: entry.hash for entry in entries}
        next_n = documents[-1]["n"] + 1 if documents else 0
        return CachedStream(fold(self._policy, stream, entries), next_n, hash_by_cause)

    def _uncommitted(self, entry: JournalEntry) -> bool:
        """True when the event was stored but its offset never committed: some process died between steps 4 and 6."""
        topic, partition, offset = entry.position
        committed = self._committed_offsets.get((topic, partition))
        return committed is not None and offset >= committed

    # 3 ---------------------------------------------------------------------------------------------------------------

    async def _decide(self, batch: BatchInProgress, context: Context) -> tuple[Drafts, set[str]]:
        """Decide in order. Returns the drafts to store, and the streams to load and decide again."""
        drafts: Drafts = defaultdict(Draft)
        again: set[str] = set()
        for record in batch.pending:
            if record.stream in again:
                continue
            stream, draft = self._streams[record.stream], drafts[record.stream]
            if draft.full:
                again.add(record.stream)  # the draft is stored as it is; the rest goes into another document
                continue
            if stream.hash_by_cause.get(record.cause) == record.hash:
                record.entry = await self._first_entry(record, draft)
                continue
            decision = self._decider.decide(record, stream, context)
            changes_state = decision.changes_state
            if not changes_state and not stream.fresh and not draft.entries:
                again.add(record.stream)  # without facts, step 4 would not notice that the cached state is stale
                continue
            if decision.poison is not None:
                record.poison = decision.poison
                continue
            context.consume(decision.effects)
            record.entry = decision.entry
            if changes_state:
                record.journaled = True
                draft.add(decision.entry, decision.claims)
                stream.hash_by_cause[record.cause] = record.hash
                stream.state = decision.state
        return {stream: draft for stream, draft in drafts.items() if draft.entries}, again

    async def _first_entry(self, record: DecodedRecord, draft: Draft) -> JournalEntry:
        """The entry that an event led to the first time it came."""
        entry = draft.entry_of(record.cause)
        if entry is not None:
            return entry
        for document in (await self._store.load([record.stream])).get(record.stream, ()):
            for each in document["entries"]:
                if each["cause"] == record.cause:
                    return JournalEntry.read(record.stream, each)
        raise TransientError("an event that the cache knows is not in the journal")

    # 4 ---------------------------------------------------------------------------------------------------------------

    async def _store_drafts(self, drafts: Drafts) -> set[str]:
        """Take the claims, then insert the documents. Returns the streams that lost a claim or a race."""
        claims = [Row(claim.table, claim.id, claim.doc) for draft in drafts.values() for claim in draft.claims]
        refused = await self._claims.take(claims) if claims else set()
        if claims:
            self._fault("claimed")
        lost = {stream for stream, draft in drafts.items() if any(claim.id in refused for claim in draft.claims)}
        documents = [self._document(stream, draft.entries) for stream, draft in drafts.items() if stream not in lost]
        conflicts = await self._store.append(documents) if documents else set()
        for document in documents:
            if document["_id"] in conflicts:
                lost.add(document["stream"])
            else:
                self._streams[document["stream"]].next_n += 1
        if lost:
            self._reporter.meter.conflicts(len(lost))
        return lost

    def _document(self, stream: str, entries: Sequence[JournalEntry]) -> dict[str, Any]:
        n = self._streams[stream].next_n
        return {"_id": f"{stream}:{n}", "stream": stream, "n": n, "entries": [entry.document() for entry in entries]}
