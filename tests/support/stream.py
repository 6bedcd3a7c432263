"""One stream of a policy without the loop, for tests of policies: steps 3 and 4 of `Loop` in twenty lines.

stream = Stream("notification", NotificationPolicy(deadlines))
effects = stream.handle(matched())
assert stream.emitted(effects) == [...]
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contracts.base import Message
from services.chassis.decider import Effect, Emit, IncomingEvent, Policy, Reply
from services.chassis.engine.journal import JournalEntry, fold

from .clock import START


class Stream:
    """Journals what changes the state. An event that was journaled before is not decided again; one id has one body."""

    def __init__(self, service: str, policy: Policy[Any], name: str = "stream") -> None:
        self.service = service
        self.policy = policy
        self.name = name
        self.state: Any = policy.initial(name)
        self.entries: list[JournalEntry] = []

    def handle(
        self,
        event: Message,
        *,
        id: str | None = None,  # noqa: A002
        now: datetime = START,
        at: datetime | None = None,
        key: str = "key",
        context: Any = None,
    ) -> Sequence[Effect]:
        """Decide an event. By default its text is its id, so that the same event a second time is a repetition."""
        text = event.model_dump_json()
        id_ = id or hashlib.sha1(f"{type(event).TYPE}{text}".encode(), usedforsecurity=False).hexdigest()
        cause, digest = f"topic/{id_}", hashlib.sha256(text.encode()).hexdigest()[:32]
        incoming = IncomingEvent(type(event).read(text), id_, at or now, key)
        known = {entry.cause: entry.hash for entry in self.entries}
        if known.get(cause) == digest:
            return []
        if cause in known:
            return self.policy.on_id_reuse(self.state, incoming)
        effects = self.policy.decide(self.state, incoming, now, context)
        assert self.policy.decide(self.state, incoming, now, context) == effects, "a decision is a pure function"
        entry = JournalEntry(
            self.name, cause, digest, type(event).ce_type(), ("topic", 0, len(self.entries)), now, key, None
        )
        entry.record(self.service, effects)
        if any(isinstance(effect, Emit) for effect in effects):
            self.entries.append(entry)
        for effect in effects:
            if isinstance(effect, Emit):
                self.state = self.policy.evolve(self.state, effect.event)
        return effects

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The journal, as `Store.load` returns it."""
        return [
            {"_id": f"{self.name}:{n}", "stream": self.name, "n": n, "entries": [entry.document()]}
            for n, entry in enumerate(self.entries)
        ]

    def folded(self, repeats: int = 1) -> Any:
        """The state folded again from the text of the journal, with each entry repeated so many times."""
        entries = [
            JournalEntry.read(self.name, each) for document in self.documents for each in document["entries"] * repeats
        ]
        return fold(self.policy, self.name, entries)


def emitted(effects: Sequence[Effect], *kinds: type[Message]) -> list[Any]:
    """The facts among the effects, of these types or of all types."""
    return [each.event for each in effects if isinstance(each, Emit) and (not kinds or isinstance(each.event, kinds))]


def replied(effects: Sequence[Effect]) -> list[Reply]:
    """The answers among the effects."""
    return [each for each in effects if isinstance(each, Reply)]
