"""What can be known from outside: the records on all topics, the documents of all journals, and the facts in them."""

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
    """One record on a topic, as anybody reads it. Headers that are no text are left out."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Mapping[str, str]

    @property
    def id(self) -> str:
        """Of the event."""
        return self.headers.get("ce_id", "")

    @property
    def kind(self) -> str:
        """Type of the event, without what all have in common."""
        return self.headers.get("ce_type", "").removeprefix(_TYPE)

    @property
    def ours(self) -> bool:
        """Written by one of the services."""
        return self.headers.get("ce_source", "").startswith("/referral-routing/")

    @property
    def place(self) -> str:
        """Where it stands, as a gate writes it down in what it passes on."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object it holds; an empty one when it holds none."""
        try:
            found = json.loads(self.value or b"{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass
class Evidence:
    """All that can be known from outside."""

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
    """An event in a journal. `order` counts within its stream."""

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
        """What it says."""
        found: dict[str, Any] = json.loads(self.text)
        return found


def facts(evidence: Evidence, *services: str) -> list[Fact]:
    """All events in the journals of some services (or all), in the order of each stream."""
    found = []
    for service in services or SERVICES:
        for stream, documents in streams(evidence, service).items():
            events = [
                (entry, fact)
                for document in documents
                for entry in document["entries"]
                for fact in entry["facts"]
                if "text" in fact
            ]
            found += [
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
    return found


def streams(evidence: Evidence, service: str) -> dict[str, list[dict[str, Any]]]:
    """Documents of a service's journal by stream, in order."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for document in sorted(evidence.journals.get(service, []), key=lambda each: each["n"]):
        found[document["stream"]].append(document)
    return found


def first_times(records: Iterable[Record]) -> Iterator[Record]:
    """What our services told, each event where it stands first."""
    seen = set()
    for record in sorted(records, key=lambda each: (each.topic, each.partition, each.offset)):
        if record.ours and (record.topic, record.id) not in seen:
            seen.add((record.topic, record.id))
            yield record
