"""What the author of a service writes: a policy, as a decider over an append-only journal.

    decide(state, event, now, context) -> effects    what follows from this event
    evolve(state, fact)              -> state        what that fact changes

Both are pure: no I/O, no clock, no randomness. What a decision needs besides the stream's state (the directory, free
places, a data key) is gathered beforehand and passed in as `context`.

The pattern is Jérémie Chassaing's "Functional Event Sourcing Decider":
https://thinkbeforecoding.com/post/2021/12/17/functional-event-sourcing-decider
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

    `key` is the record key. By default it is the key of the event being decided (the referral's id).
    """

    event: Message
    topic: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: published, but not a fact. It changes nothing, so no sender can make a stream grow with it."""

    event: Message
    topic: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Ask for a `TimerElapsed` with this name at `due_at`. It may come late, or when it no longer matters."""

    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Take a row that must be unique, before the facts are stored. If it is refused, the event is decided again."""

    table: str
    id: str
    doc: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """Write a row after the facts are stored.

    Effects are repeated when an event is redelivered, even after later events. So a row that several events write needs
    a `version` that rises with them: it replaces only lower versions. The row contains it as ``version``.
    """

    table: str
    id: str
    doc: dict[str, Any] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete a row after the facts are stored, provided its fields still equal `doc`."""

    table: str
    id: str
    doc: dict[str, Any] = field(default_factory=dict)


Effect = Emit | Reply | SetTimer | Claim | Put | Drop


class IncomingEvent(NamedTuple):
    """An event as `decide` sees it. `at` is when it happened, `key` is the record's key (the referral's id)."""

    data: Message
    id: str
    at: datetime
    key: str


class Policy(Protocol[S]):
    """The decisions of one service."""

    handles: Mapping[str, type[Message]]
    """The events that are decided, by CloudEvents type. Other types on the service's topics are skipped and counted."""

    facts: Mapping[str, type[Message]]
    """The facts that this policy emits, by CloudEvents type, so that the journal can be folded."""

    def stream(self, event: Message) -> str:
        """The stream in which an event is decided."""
        ...

    def initial(self, stream: str) -> S:
        """The state of a stream without facts."""
        ...

    def decide(self, state: S, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        """What follows from an event, in order. Nothing, if the event does not matter (any more)."""
        ...

    def evolve(self, state: S, fact: Message) -> S:
        """The state after a fact."""
        ...

    def on_id_reuse(self, state: S, event: IncomingEvent) -> Sequence[Effect]:
        """What to answer when an event has the id of an earlier one but another body. Only replies."""
        ...


class Context(Protocol):
    """What has been gathered for one batch."""

    def consume(self, effects: Sequence[Effect]) -> None:
        """Remove what a decision has used, so that the next decision of the batch does not use it as well."""
        ...


class ContextLoader(Protocol):
    """Gathers what the decisions of a batch need from outside their streams."""

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> Context:
        """The context for these pairs of state and event. Raises `TransientError`."""
        ...


class NoContext:
    """The context, and its loader, of policies that need none."""

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> "NoContext":
        """This context itself."""
        return self

    def consume(self, effects: Sequence[Effect]) -> None:
        """There is nothing to remove."""
