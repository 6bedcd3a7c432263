"""All of matching on memory twins: the real loop, policy and sweep. The test decides what comes in, and when.

Recalls are held back, so that a test can deliver, repeat or lose them.
"""

from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from structlog.testing import capture_logs

from contracts import topics
from contracts.base import Message as Body
from contracts.cloudevents import CloudEvent, encode
from contracts.matching import Matched, PriceSet, WaitingRecalled
from contracts.operations import TimerElapsed
from contracts.provider import Service
from services.chassis.encryption import new_pair
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.engine.loop import Loop
from services.chassis.engine.rehearsal import Rehearsal
from services.chassis.ports import OutgoingRecord
from services.matching.capacity.places import TABLE as PLACES
from services.matching.context_loader import MatchingContextLoader
from services.matching.directory.directory import Directory
from services.matching.directory.entry_flags import FULL
from services.matching.domain.context import subject
from services.matching.domain.policy import MatchingPolicy
from services.matching.domain.state import KnownNeed, NeedRecord, NeedState, UnknownNeed, matches_of
from services.matching.jobs.sweep import WaitingSweep
from services.matching.model.limits import Limits
from services.matching.place_table import LARGE, MarkedClaims
from services.matching.waitlist.queue import TABLE as WAITING
from services.matching.waitlist.queue import Waiter, read

from .clock import HandClock, no_pause
from .memory_twins import Failing, MemoryClaims, MemoryGroup, MemoryLog, MemoryStore, drain

INBOX = topics.inbox("matching")
_OPERATOR = new_pair()[1]
T = TypeVar("T")


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never really waits (the memory twins only yield), without an event loop."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result


class _HoldingLog(MemoryLog):
    """Holds back recalls in `held`."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock.now)
        self.held: list[OutgoingRecord] = []

    async def publish(self, messages: Sequence[OutgoingRecord]) -> dict[int, str]:
        recall = [message for message in messages if ("ce_type", WaitingRecalled.ce_type().encode()) in message.headers]
        self.held += recall
        refused = await super().publish([message for message in messages if message not in recall])
        assert not refused, refused
        return {}


class MatchingWorld:
    """One matcher. `run` handles everything that has come in; `prices` is the set in force, and may be replaced.

    Services with `large` places or more have bitmaps (`place_table`).
    """

    def __init__(
        self,
        limits: Limits | None = None,
        clock: HandClock | None = None,
        stale_after: timedelta | None = None,
        large: int = LARGE,
    ) -> None:
        self.large = large
        self.clock = clock or HandClock()
        self.limits = limits or Limits()
        self.log = _HoldingLog(self.clock)
        written = (topics.MATCHING, topics.DEAD_LETTERS, topics.inbox("notification"))
        self.log.create(INBOX, topics.INTAKE, topics.NOTIFICATION, *written, partitions=1)
        self.store, self.claims = MemoryStore(), MemoryClaims()
        self.directory = Directory(stale_after=stale_after, now=self.clock.now)
        self.policy = MatchingPolicy(self.limits)
        self.prices: PriceSet | None = None
        self.sweep = WaitingSweep(self.directory, self.claims, self.limits, prices=lambda: self.prices, large=large)
        self.sent: list[tuple[str, Body, str]] = []
        self._group = MemoryGroup(self.log, INBOX, topics.INTAKE, topics.NOTIFICATION)
        self._offset = 0
        self.restart()

    def restart(self) -> None:
        """A new process with empty memory."""
        context_loader = MatchingContextLoader(self.directory, self.claims, lambda: self.prices, self.large)
        self.rehearsal = Rehearsal(self.policy, self.store, context_loader)
        self.loop: Loop[NeedState] = Loop(
            "matching",
            self.policy,
            log=self.log,
            store=self.store,
            claims=MarkedClaims(self.claims, self.directory, self.large),
            clock=self.clock,
            dead_letters=DeadLetters("matching", self.log, _OPERATOR),
            context_loader=context_loader,
            sleep=no_pause,
        )
        for member in list(self._group.members):
            self._group.leave(member)
        self.consumer = self._group.join(self.loop.forget)

    def publish(self, service: Service | None, provider: str = "p1", key: str | None = None) -> None:
        """A provider publishes an entry, or deletes the one under `key`."""
        self._offset += 1
        key = key or (service.service if service else "")
        self.directory.put(provider, key, self._offset, service, self.clock.now())

    def send(self, event: Body, topic: str = INBOX, id_: str | None = None) -> None:
        """Put an event on a topic; with an id that was used before, it is a repetition."""
        id_ = id_ or f"e{len(self.sent)}"
        self.sent.append((id_, event, topic))
        headers = encode(CloudEvent(id_, "/tests", type(event).ce_type(), self.clock.now(), b""))
        key = getattr(event, "referral_id", subject(event)).encode()
        self.log.append(topic, key, event.model_dump_json().encode(), headers)

    def run(self) -> None:
        """Handle everything on the topics."""
        with capture_logs():
            complete(drain(self.loop, self.consumer))

    def interrupt(self, call: str, when: str) -> None:
        """Handle one batch in which a call to Kafka or MongoDB fails (see `Failing`), so that it comes again."""
        twin: Failing = {"publish": self.log, "append": self.store, "set_timers": self.store}.get(call, self.claims)
        twin.fail(call, when)
        batch = self.consumer.fetch()
        assert batch is not None
        with capture_logs():
            complete(self.loop.handle(batch))
        twin.calm(call)

    def handle(self, *events: Body) -> None:
        """Send and run."""
        for event in events:
            self.send(event)
        self.run()

    def elapse(self, **span: float) -> None:
        """Let time pass, and deliver the timers that are due."""
        self.clock.advance(**span)
        for timer in complete(self.store.due(self.clock.now(), 10_000)):
            self.send(TimerElapsed(stream=timer.stream, name=timer.name, due_at=timer.due_at), id_=timer.id)
            complete(self.store.drop_timers([timer.id]))
        self.run()

    def deliver(self, index: int = 0, *, keep: bool = False) -> None:
        """Deliver a recall that was held back; with `keep` it can be delivered again."""
        message = self.log.held[index] if keep else self.log.held.pop(index)
        self.log.append(message.topic, message.key, message.value, message.headers)
        self.run()

    def run_sweep(self) -> int:
        """Run one sweep; returns the number of events that it published."""
        now = self.clock.now()
        with capture_logs():
            events = complete(self.rehearsal.with_effect(complete(self.sweep.suspicions(now)), now))
        for event, _ in events:
            self.send(event)
        self.run()
        return len(events)

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of the places taken."""
        return self.claims.tables[PLACES]

    @property
    def waiting(self) -> dict[str, dict[str, Any]]:
        """The rows of the waiting list."""
        return self.claims.tables[WAITING]

    @property
    def waiters(self) -> list[Waiter]:
        """The latest wait of each need that has a row."""
        waits = sorted(map(read, self.waiting.values()), key=lambda each: each.wait_number)
        return list({each.id: each for each in waits}.values())

    @property
    def full(self) -> set[str]:
        """The versions of entries that are flagged as full."""
        return set(self.claims.tables[FULL])

    @property
    def streams(self) -> list[str]:
        """Every need that has a stream."""
        return sorted({document["stream"] for document in self.store.journal.values()})

    def facts(self, need: str) -> list[Body]:
        """All facts of a need, in order."""
        facts = [fact for entry in self.store.entries(need) for fact in entry["facts"] if "text" in fact]
        return [self.policy.facts[fact["type"]].read(fact["text"]) for fact in facts]

    def state(self, need: str) -> NeedState:
        """The state of a need, folded from the journal."""
        state: NeedState = UnknownNeed()
        for fact in self.facts(need):
            state = self.policy.evolve(state, fact)
        return state

    def record(self, need: str) -> NeedRecord:
        """What is known of a need in every phase."""
        state = self.state(need)
        assert isinstance(state, KnownNeed), f"intake has not published {need}"
        return state.record

    def matches(self, need: str) -> tuple[Matched, ...]:
        """The matches of a need that hold."""
        return matches_of(self.state(need))

    def match(self, need: str) -> Matched | None:
        """The match of a need that holds; of several, the latest."""
        return next(reversed(self.matches(need)), None)

    @property
    def dead(self) -> int:
        """The number of dead letters: each would be a bug in the policy."""
        return len(self.log.read(topics.DEAD_LETTERS))
