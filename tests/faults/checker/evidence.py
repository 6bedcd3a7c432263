"""What can be read from outside: the records on all topics, the documents of all journals, and the facts in them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SERVICES = ("intake", "matching", "notification", "outcomes")
DEAD_LETTERS = "referrals.dead-letters"
_TYPE = "org.referral-routing."


@dataclass(frozen=True)
class Record:
    """One record on a topic, without the headers that are not UTF-8."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Mapping[str, str]

    @property
    def id(self) -> str:
        """The id of the event; empty if there is none."""
        return self.headers.get("ce_id", "")

    @property
    def kind(self) -> str:
        """The type of the event, without the prefix that all types have."""
        return self.headers.get("ce_type", "").removeprefix(_TYPE)

    @property
    def ours(self) -> bool:
        """Whether one of the services wrote it."""
        return self.headers.get("ce_source", "").startswith("/referral-routing/")

    @property
    def place(self) -> str:
        """Topic, partition and offset, as a gate writes them into the event that it passes on."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object in it; empty if there is none."""
        try:
            body = json.loads(self.value or b"{}")
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


@dataclass
class Evidence:
    """All that can be read from outside."""

    records: list[Record] = field(default_factory=list)
    journals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    places: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    gone: frozenset[str] = frozenset()

    def on(self, *topics: str) -> Iterator[Record]:
        """Records of these topics."""
        return (record for record in self.records if record.topic in topics)

    def written_by_tenants(self, ending: str) -> Iterator[Record]:
        """Records of all topics like ``agency.<id>.referrals``, by the last part of the name."""
        return (
            record
            for record in self.records
            if record.topic.split(".")[0] in ("agency", "provider") and record.topic.endswith(f".{ending}")
        )


@dataclass(frozen=True)
class Fact:
    """An event in a journal. `order` is its position within its stream, from 0."""

    service: str
    stream: str
    order: int
    cause: str
    at: str
    id: str
    kind: str
    topic: str | None
    text: str
    reply: bool

    @property
    def body(self) -> dict[str, Any]:
        """The body of the event."""
        body: dict[str, Any] = json.loads(self.text)
        return body


def facts(evidence: Evidence, *services: str) -> list[Fact]:
    """All events in the journals of some services (or all), in the order of each stream."""
    facts_in_order = []
    for service in services or SERVICES:
        for stream, documents in streams(evidence, service).items():
            events = [
                (entry, fact)
                for document in documents
                for entry in document["entries"]
                for fact in entry["facts"]
                if "text" in fact
            ]
            facts_in_order += [
                Fact(
                    service,
                    stream,
                    order,
                    entry["cause"],
                    entry["at"],
                    fact["id"],
                    fact["type"].removeprefix(_TYPE),
                    fact["topic"],
                    fact["text"],
                    fact.get("reply", False),
                )
                for order, (entry, fact) in enumerate(events)
            ]
    return facts_in_order


def streams(evidence: Evidence, service: str) -> dict[str, list[dict[str, Any]]]:
    """Documents of a service's journal by stream, in order."""
    by_stream: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for document in sorted(evidence.journals.get(service, []), key=lambda each: each["n"]):
        by_stream[document["stream"]].append(document)
    return by_stream


def first_publications(records: Iterable[Record]) -> Iterator[Record]:
    """The records of our services, each event where it was published first."""
    seen = set()
    for record in sorted(records, key=lambda each: (each.topic, each.partition, each.offset)):
        if record.ours and (record.topic, record.id) not in seen:
            seen.add((record.topic, record.id))
            yield record
