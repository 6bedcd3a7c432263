"""The journal's documents, the fold over them, and the effects that follow from them.

One document per stream and batch::

    {_id: "<stream>:<n>", stream, n, entries: [{cause, hash, type, from, at, key, trace, facts: [...]}]}

One document per *event* in an unordered insert would be wrong: n could be refused while n+1, which was decided on a
state that never existed, is inserted. A fact contains the exact JSON text that is published, so that a repetition is
identical to the byte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from contracts import rfc3339
from contracts.base import Message as Body
from contracts.cloudevents import CloudEvent, encode
from contracts.ids import derived_id

from ..decider import Drop, Effect, Emit, Policy, Put, Reply, S, SetTimer
from ..ports import OutgoingRecord, Row, Timer


@dataclass(slots=True)
class JournalEntry:
    """One event of a stream, and what followed from it. `position` is the event's topic, partition and offset."""

    stream: str
    cause: str
    hash: str
    type: str
    position: tuple[str, int, int]
    at: datetime
    key: str
    trace: str | None
    facts: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The entry as it is stored in the journal."""
        return {
            "cause": self.cause,
            "hash": self.hash,
            "type": self.type,
            "from": list(self.position),
            "at": rfc3339.write(self.at),
            "key": self.key,
            "trace": self.trace,
            "facts": self.facts,
        }

    @classmethod
    def read(cls, stream: str, document: Mapping[str, Any]) -> "JournalEntry":
        """The inverse of `document`."""
        topic, partition, offset = document["from"]
        return cls(
            stream=stream,
            cause=document["cause"],
            hash=document["hash"],
            type=document["type"],
            position=(topic, partition, offset),
            at=datetime.fromisoformat(document["at"]),
            key=document["key"],
            trace=document["trace"],
            facts=document["facts"],
        )

    def record(self, service: str, effects: Iterable[Effect]) -> None:
        """Write down effects as facts. Ids derive from (service, stream, cause, type, index).

        A reply's id also covers its text: it is decided again on each repetition, and may say something else by then.
        """
        for index, effect in enumerate(effects):
            match effect:
                case Emit(event, topic, key):
                    kind = type(event).ce_type()
                    id_ = derived_id(service, self.stream, self.cause, kind, index)
                    self.facts.append(_event_fact(id_, event, topic, key or self.key))
                case Reply(event, topic, key):
                    text = event.model_dump_json()
                    id_ = derived_id(service, self.stream, self.cause, type(event).ce_type(), index, text)
                    self.facts.append({**_event_fact(id_, event, topic, key or self.key, text), "reply": True})
                case SetTimer(name, due_at):
                    id_ = f"{self.stream}:{name}:{self.cause}"
                    self.facts.append({"timer": name, "id": id_, "due": due_at.isoformat()})
                case Put(table, id_, doc, None):
                    self.facts.append({"put": table, "id": id_, "doc": doc})
                case Put(table, id_, doc, version):
                    self.facts.append({"put": table, "id": id_, "doc": doc, "version": version})
                case Drop(table, id_, doc):
                    self.facts.append({"drop": table, "id": id_, "doc": doc})

    def events(self) -> list[dict[str, Any]]:
        """The facts that are folded into the state: events, but not replies, which change nothing."""
        return [fact for fact in self.facts if "text" in fact and "reply" not in fact]


def entries_of(documents: Iterable[Mapping[str, Any]]) -> Iterator[JournalEntry]:
    """The entries in documents, in their order."""
    return (JournalEntry.read(document["stream"], each) for document in documents for each in document["entries"])


def fold(policy: Policy[S], stream: str, entries: Iterable[JournalEntry]) -> S:
    """The state of a stream after these entries. Facts that a later one replaces (`WHOLE`) are not even parsed.

    Raises whatever the policy or the parser raises when the journal is damaged.
    """
    facts = [fact for entry in entries for fact in entry.events()]
    last = {fact["type"]: fact for fact in facts}
    state = policy.initial(stream)
    for fact in facts:
        model = policy.facts[fact["type"]]
        if not model.WHOLE or fact is last[fact["type"]]:
            state = policy.evolve(state, model.read(fact["text"]))
    return state


class OutgoingEvent(NamedTuple):
    """An event on its way out, before it becomes a record; a service's `OutboundTransform` may replace its text."""

    topic: str
    key: str
    id: str
    type: str
    text: str
    stream: str
    cause: str
    referral: str
    at: datetime
    trace: str | None

    def message(self, service: str) -> OutgoingRecord:
        """The record in CloudEvents binary mode."""
        event = CloudEvent(
            id=self.id,
            source=f"/referral-routing/{service}",
            type=self.type,
            time=self.at,
            data=b"",
            subject=self.stream,
            causationid=self.cause.split("/", 1)[-1],  # without the topic; an id may contain a slash, a topic cannot
            correlationid=self.referral,
            traceparent=self.trace,
        )
        return OutgoingRecord(self.topic, self.key.encode(), self.text.encode(), encode(event))


@dataclass(slots=True)
class Effects:
    """Everything that follows from some entries. Always carried out together, and repeated together."""

    events: list[OutgoingEvent] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    puts: list[Row] = field(default_factory=list)
    drops: list[Row] = field(default_factory=list)

    @classmethod
    def from_entries(cls, entries: Sequence[JournalEntry]) -> "Effects":
        """The effects in the order of the entries."""
        effects = cls()
        for entry in entries:
            for fact in entry.facts:
                if "timer" in fact:
                    due_at = datetime.fromisoformat(fact["due"])
                    effects.timers.append(Timer(fact["id"], entry.stream, entry.key, fact["timer"], due_at))
                elif "put" in fact:
                    effects.puts.append(Row(fact["put"], fact["id"], fact["doc"], fact.get("version")))
                elif "drop" in fact:
                    effects.drops.append(Row(fact["drop"], fact["id"], fact["doc"]))
                elif fact["topic"] is not None:
                    effects.events.append(
                        OutgoingEvent(
                            topic=fact["topic"],
                            key=fact["key"],
                            id=fact["id"],
                            type=fact["type"],
                            text=fact["text"],
                            stream=entry.stream,
                            cause=entry.cause,
                            referral=entry.key,
                            at=entry.at,
                            trace=entry.trace,
                        )
                    )
        return effects


def _event_fact(id_: str, event: Body, topic: str | None, key: str, text: str | None = None) -> dict[str, Any]:
    return {
        "id": id_,
        "type": type(event).ce_type(),
        "topic": topic,
        "key": key,
        "text": event.model_dump_json() if text is None else text,
    }
