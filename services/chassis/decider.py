"""What a service author writes: a policy, as a Decider over an append-only journal.

    decide(state, event, now, context) -> effects    what follows from this event
    evolve(state, fact)              -> state        what that fact changes

Both are pure: no I/O, no clock, no randomness. What a decision needs from outside (the directory, free places, a data
key) is gathered before it and comes in as `context`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from contracts.base import Message

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Emit:
    """A fact: journaled, folded into the state, and published where it names a topic.

    `key` is the record key; left out, it is that of the event decided upon (the referral's id).
    """

    event: Message
    topic: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: published, but no fact. It changes nothing, so no sender can make a stream grow with it."""

    event: Message
    topic: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Be told (`TimerElapsed` with this name) at `due_at`. It may come late, or when it no longer matters."""

    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Take a row that must be unique, before the facts are stored. Refused, the event is decided again."""

    table: str
    id: str
    doc: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """Write a row after the facts are stored.

    Effects are carried out again when an event comes again, also after later ones: a row that later events write as
    well needs a `version` that rises with them, and is written only over a lower one. It is in the row, as ``version``.
    """

    table: str
    id: str
    doc: dict[str, Any] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete a row after the facts are stored, if its fields still equal `doc`."""

    table: str
    id: str
    doc: dict[str, Any] = field(default_factory=dict)


Effect = Emit | Reply | SetTimer | Claim | Put | Drop


class IncomingEvent(NamedTuple):
    """An event as `decide` sees it. `at` is when it happened, `key` the record's key (the referral's id)."""

    data: Message
    id: str
    at: datetime
    key: str


class Policy(Protocol[S]):
    """The decisions of one service."""

    handles: Mapping[str, type[Message]]
    """The event types decided upon, by CloudEvents type. Others on the service's topics are skipped and counted."""

    facts: Mapping[str, type[Message]]
    """The types this policy emits as facts, so that the journal can be folded."""

    def stream(self, event: Message) -> str:
        """The stream an event is decided in."""
        ...

    def initial(self, stream: str) -> S:
        """The state of a stream that has no facts."""
        ...

    def decide(self, state: S, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        """What follows. No effects: the event is of no consequence (any more)."""
        ...

    def evolve(self, state: S, fact: Message) -> S:
        """The state after a fact."""
        ...

    def on_id_reuse(self, state: S, event: IncomingEvent) -> Sequence[Effect]:
        """What to answer when an event comes with the id of an earlier one but another body. Replies only."""
        ...


class Context(Protocol):
    """What was gathered for one batch."""

    def consume(self, effects: Sequence[Effect]) -> None:
        """Count down what a decision has used, so that the next one in the batch does not use it too."""
        ...


class ContextLoader(Protocol):
    """Gathers for a batch what its decisions need from outside the streams."""

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> Context:
        """For these states and events. Raises `TransientError`."""
        ...


class NoContext:
    """For policies that need nothing from outside."""

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> "NoContext":
        """Itself."""
        return self

    def consume(self, effects: Sequence[Effect]) -> None:
        """Nothing to count."""
