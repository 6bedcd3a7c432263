"""Step 3 of the loop, for one event: what the policy makes of it, and the state of its stream afterwards."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple

from ..clock import Clock
from ..decider import Claim, Context, Effect, Emit, IncomingEvent, Policy, S
from ..errors import PoisonError
from ..telemetry.trace_context import follow
from .decoding import DecodedRecord
from .journal import JournalEntry
from .reporting import LoopReporter
from .stream_cache import CachedStream


class Decision(NamedTuple):
    """What follows from one event. With `poison`, nothing follows: the event is set aside."""

    entry: JournalEntry
    effects: Sequence[Effect]
    state: Any
    """The stream's state after the facts."""
    poison: PoisonError | None = None

    @property
    def changes_state(self) -> bool:
        """True when there are facts, which must be journaled."""
        return any(isinstance(effect, Emit) for effect in self.effects)

    @property
    def claims(self) -> list[Claim]:
        """The rows that must be taken before the facts are stored."""
        return [effect for effect in self.effects if isinstance(effect, Claim)]


class EventDecider(Generic[S]):
    """Asks the policy, and writes down its effects as facts. Changes no stream."""

    def __init__(
        self, policy: Policy[S], clock: Clock, reporter: LoopReporter, *, stream_limit: int, traces: bool
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._reporter = reporter
        self._stream_limit = stream_limit
        self._traces = traces

    def decide(self, record: DecodedRecord, stream: CachedStream[S], context: Context) -> Decision:
        """The decision on an event. A fault in the policy is reported, and becomes the decision's `poison`."""
        entry = self._new_entry(record)
        reused = record.cause in stream.hash_by_cause
        if reused:
            self._reporter.id_reused(record.event)
        elif len(stream.hash_by_cause) >= self._stream_limit:
            return Decision(entry, (), stream.state, PoisonError("decide", "too-many-changes"))
        event = IncomingEvent(record.data, record.event.id, record.event.time, record.key)
        state = stream.state
        try:
            if reused:
                effects = self._policy.on_id_reuse(state, event)
            else:
                effects = self._policy.decide(state, event, entry.at, context)
            for effect in effects:
                if isinstance(effect, Emit):
                    state = self._policy.evolve(state, effect.event)
            entry.record(self._reporter.service, effects)
        except Exception as error:  # noqa: BLE001  # Poison, whatever it is: this event alone is set aside
            return Decision(entry, (), stream.state, self._reporter.policy_failed("decide", error, record.event))
        return Decision(entry, effects, state)

    def _new_entry(self, record: DecodedRecord) -> JournalEntry:
        """An entry without facts. Each has its own time: at one shared time, two reminders of a need would be equal."""
        trace = record.event.traceparent
        if self._traces:
            trace = follow(self._reporter.service, trace, record.key, record.stream, record.cause)
        return JournalEntry(
            stream=record.stream,
            cause=record.cause,
            hash=record.hash,
            type=record.event.type,
            position=record.record.position,
            at=self._clock.now(),
            key=record.key,
            trace=trace,
        )
