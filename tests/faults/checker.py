"""Whether anything was lost, doubled or put out of order, read from topics and journals by code of its own.

It shares no code with the services: it knows the form of what is written, and the promises made of it. So a fault in
what the services think of themselves cannot hide here.

    evidence = await gather(kafka, mongo, "faults")     # when all is quiet: in mid-flight much is rightly unfinished
    assert violations(evidence) == []

`evidence.gone` names topics that were deleted on purpose: what stood there is not missed.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient

SERVICES = ("intake", "matching", "notification", "outcomes")
FACTS = ("referrals.intake", "referrals.matching", "referrals.notification")
DEAD_LETTERS = "referrals.dead-letters"
_TYPE = "org.referral-routing."
_SEALED = frozenset({"box", "sealed", "note"})
"""Ciphertext: made anew each time it is sealed, and yet the same event."""


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
        return self.headers.get("ce_id", "")

    @property
    def kind(self) -> str:
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
        found: dict[str, Any] = json.loads(self.text)
        return found


def facts(evidence: Evidence, *services: str) -> list[Fact]:
    """All events in the journals of some services (or all), in the order of each stream."""
    found = []
    for service in services or SERVICES:
        for stream, documents in _streams(evidence, service).items():
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


def _streams(evidence: Evidence, service: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for document in sorted(evidence.journals.get(service, []), key=lambda each: each["n"]):
        found[document["stream"]].append(document)
    return found


def violations(evidence: Evidence) -> list[str]:
    """Every broken promise, in words; none when all held."""
    return [f"{check.__name__.removeprefix('_')}: {found}" for check in CHECKS for found in check(evidence)]


# the journals --------------------------------------------------------------------------------------------------------


def _journals_have_no_gaps(evidence: Evidence) -> Iterator[str]:
    for service in SERVICES:
        for stream, documents in _streams(evidence, service).items():
            numbers = [document["n"] for document in documents]
            if numbers != list(range(len(numbers))):
                yield f"{service} {stream} has {numbers}"
            if any(document["_id"] != f"{stream}:{document['n']}" for document in documents):
                yield f"{service} {stream} has a document under another's id"


def _no_cause_has_two_entries(evidence: Evidence) -> Iterator[str]:
    for service in SERVICES:
        for stream, documents in _streams(evidence, service).items():
            causes = Counter(entry["cause"] for document in documents for entry in document["entries"])
            yield from (f"{service} {stream}: {cause}" for cause, times in causes.items() if times > 1)


# the topics ----------------------------------------------------------------------------------------------------------


def _each_id_has_one_body(evidence: Evidence) -> Iterator[str]:
    first: dict[str, Record] = {}
    for record in evidence.records:
        if not record.ours:
            continue
        known = first.setdefault(record.id, record)
        one, other = _compared(known), _compared(record)
        if (known.topic, known.kind, one) != (record.topic, record.kind, other):
            differ = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
            yield f"{known.kind} at {known.place} and {record.kind} at {record.place} differ in {differ}"


def _compared(record: Record) -> dict[str, Any]:
    """The body; or its hash where a gate has written down that of what was sent.

    Sent again under its id, it is the same event, which has come at another time.
    """
    sent = record.headers.get("ce_bodyhash")
    return {"bodyhash": sent} if sent else _unsealed(record.body)


def _unsealed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unsealed(inner) for name, inner in value.items() if name not in _SEALED}
    return [_unsealed(inner) for inner in value] if isinstance(value, list) else value


def _what_was_decided_was_told(evidence: Evidence) -> Iterator[str]:
    """Each fact that names a topic is there; but for those the dead letters keep as undeliverable."""
    there = {(record.topic, record.id) for record in evidence.records}
    kept = Counter(
        record.headers.get("dlq_topic", "")
        for record in evidence.on(DEAD_LETTERS)
        if record.headers.get("dlq_reason") == "undeliverable"
    )
    missing: dict[str, list[str]] = defaultdict(list)
    for fact in facts(evidence):
        if fact.topic and fact.topic not in evidence.gone and (fact.topic, fact.id) not in there:
            missing[fact.topic].append(f"{fact.kind} of {fact.stream}")
    yield from (
        f"{topic} lacks {len(found)}, such as {found[:3]}"
        for topic, found in missing.items()
        if len(found) > kept[topic]
    )


def _what_was_told_was_decided(evidence: Evidence) -> Iterator[str]:
    journaled = {fact.id for fact in facts(evidence)}
    told = {(record.topic, record.id) for record in evidence.on(*FACTS) if record.ours}
    yield from (f"{topic} has {id_}, which no journal knows" for topic, id_ in told if id_ not in journaled)


def _each_stream_was_told_in_order(evidence: Evidence) -> Iterator[str]:
    """By the first time each event was told: a repetition comes later, and is dropped by whoever reads it.

    Within a partition; what a stream says to another stands elsewhere, and there is no order between.
    """
    order = {fact.id: fact for fact in facts(evidence)}
    last: dict[tuple[str, int, str, str], int] = {}
    for record in _first_times(evidence.records):
        fact = order.get(record.id)
        if fact is None or fact.reply:
            continue
        stream = (record.topic, record.partition, fact.service, fact.stream)
        if fact.order < last.get(stream, -1):
            yield f"{record.place}: {fact.kind} of {fact.stream} came after what followed it"
        last[stream] = max(fact.order, last.get(stream, -1))


def _first_times(records: Iterable[Record]) -> Iterator[Record]:
    seen = set()
    for record in sorted(records, key=lambda each: (each.topic, each.partition, each.offset)):
        if record.ours and (record.topic, record.id) not in seen:
            seen.add((record.topic, record.id))
            yield record


# what tenants sent ---------------------------------------------------------------------------------------------------


def _nothing_sent_was_lost_at_a_gate(evidence: Evidence) -> Iterator[str]:
    passed = {record.headers.get("ce_causationid") for record in evidence.records if record.topic.startswith("referra")}
    letters = {
        "/".join(record.headers.get(f"dlq_{name}", "") for name in ("topic", "partition", "offset"))
        for record in evidence.on(DEAD_LETTERS)
    }
    for record in (*evidence.written_by_tenants("referrals"), *evidence.written_by_tenants("responses")):
        if record.place not in passed and record.place not in letters:
            yield record.place


def _each_submission_had_one_effect(evidence: Evidence) -> Iterator[str]:
    """Held once, or refused aloud; each need of it accepted once. A correction is an effect of its own."""
    held: dict[tuple[str, str], list[str]] = defaultdict(list)
    accepted: Counter[tuple[str, int]] = Counter()
    for fact in facts(evidence, "intake"):
        if fact.kind == "intake.held.v1":
            held[fact.body["agency"], fact.body["reference"]].append(fact.stream)
        if fact.kind == "intake.accepted.v1":
            accepted[fact.body["need_id"], fact.body.get("revision", 0)] += 1
    refused = {
        (record.topic.split(".")[1], record.body.get("reference"))
        for record in evidence.written_by_tenants("status")
        if record.kind == "outcomes.input-refused.v1"
    }
    refused_at_gate = {
        record.headers.get("ce_causationid") for record in evidence.records if record.kind == "intake.refused.v1"
    }
    sent: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in evidence.written_by_tenants("referrals"):
        if record.place in refused_at_gate:  # it may say any reference, or none
            continue
        if record.kind in ("agency.submitted.v1", "agency.corrected.v1") and "reference" in record.body:
            sent[record.topic.split(".")[1], str(record.body["reference"])].add(record.id)
    for whose, ids in sent.items():
        if whose not in held and whose not in refused:
            yield f"{whose} was lost"
        if len(held.get(whose, [])) > len(ids):
            yield f"{whose} was held {len(held[whose])} times for {len(ids)} events"
        if len(set(held.get(whose, []))) > 1:
            yield f"{whose} is {len(set(held[whose]))} referrals"
    yield from (f"{whose} was sent by nobody" for whose in held.keys() - sent.keys())
    yield from (f"need {need} was accepted {n} times" for (need, _), n in accepted.items() if n > 1)


def _each_answer_was_heard(evidence: Evidence) -> Iterator[str]:
    """What a provider answered is in notification's journal, or was refused to it."""
    inbox = "referrals.inbox.notification"
    passed = {record.headers.get("ce_causationid"): record.id for record in evidence.on(inbox)}
    causes = {fact.cause for fact in facts(evidence, "notification")}
    refused = {record.headers.get("ce_causationid") for record in evidence.written_by_tenants("notifications")}
    for record in evidence.written_by_tenants("responses"):
        id_ = passed.get(record.place)
        deaf = record.topic.replace(".responses", ".notifications") in evidence.gone
        if id_ is not None and not deaf and f"{inbox}/{id_}" not in causes and id_ not in refused:
            yield record.place


# needs and places ----------------------------------------------------------------------------------------------------

_PHASES = [
    "received",
    "accepted",
    "matched",
    "offered",
    "acknowledged",
    "taken-up",
    "in-progress",
    "declined",
    "expired",
    "revoked",
    "waiting",
]
_ENDS = ["rejected", "unmet", "withdrawn", "not-delivered", "partly-delivered", "delivered"]


def rank(state: str, attempt: int) -> tuple[int, int, int]:
    """An agency's view only ever rises: through the phases of an attempt, to the next attempt, to an end."""
    return (1, _ENDS.index(state), attempt) if state in _ENDS else (0, attempt, _PHASES.index(state))


def _told(evidence: Evidence) -> dict[str, list[Record]]:
    """What agencies were told of each need, each event once, in order."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in _first_times(evidence.written_by_tenants("status")):
        if record.kind == "outcomes.status-changed.v1":
            found[record.body["need_id"]].append(record)
    return found


def _statuses_rise(evidence: Evidence) -> Iterator[str]:
    """What was told may be told again to an agency that asked, word for word."""
    asked = Counter(
        (record.topic.split(".")[1], record.body.get("reference"))
        for record in evidence.written_by_tenants("referrals")
        if record.kind == "agency.status-requested.v1"
    )
    for need, told in _told(evidence).items():
        top: dict[str, Any] | None = None
        again = 0
        for record in told:
            body = record.body
            if top is not None and rank(body["state"], body["attempt"]) <= rank(top["state"], top["attempt"]):
                again += 1
                if body != top or again > asked[body["agency"], body["reference"]]:
                    yield f"{need}: {body['state']} ({body['attempt']}) after {top['state']} ({top['attempt']})"
            else:
                top = body


def _each_need_has_ended_or_is_open(evidence: Evidence) -> Iterator[str]:
    """Open is what holds a place or has a row on the waiting list; and each need is known to its agency."""
    open_ = {row["need"] for row in (*evidence.places, *evidence.waiting)}
    told = _told(evidence)
    for fact in facts(evidence, "intake"):
        if fact.kind != "intake.accepted.v1":
            continue
        need = fact.body["need_id"]
        if need not in told:
            if f"agency.{fact.body['agency']}.status" not in evidence.gone:
                yield f"{need}: its agency knows nothing of it"
        elif need not in open_ and not any(record.body["state"] in _ENDS for record in told[need]):
            yield f"{need}: {told[need][-1].body['state']}, and nobody has it in hand"


_OFFER = {
    "": {"offered"},
    "offered": {"acknowledged", "accepted", "declined", "expired", "revoked"},
    "acknowledged": {"accepted", "declined", "expired", "revoked"},
    "accepted": {"in-progress", "delivered", "not-delivered", "revoked"},
    "in-progress": {"delivered", "not-delivered", "revoked"},
}


def _each_offer_runs_its_course(evidence: Evidence) -> Iterator[str]:
    """One offer of a need at a time, each step once, in an order that makes sense."""
    stands: dict[str, tuple[int, str]] = {}
    for fact in facts(evidence, "notification"):
        step = fact.kind.removeprefix("notification.").removesuffix(".v1")
        if not fact.kind.startswith("notification.") or step == "reminded":
            continue
        need, attempt = fact.body["need_id"], fact.body["attempt"]
        before, phase = stands.get(need, (0, ""))
        if step == "offered":
            fine = attempt > before and phase not in ("offered", "acknowledged", "accepted", "in-progress")
        else:
            fine = attempt == before and step in _OFFER.get(phase, ())
        if not fine:
            yield f"{need}: {step} ({attempt}) after {phase or 'nothing'} ({before})"
        stands[need] = (attempt, step)


def _each_attempt_has_one_match_and_one_offer(evidence: Evidence) -> Iterator[str]:
    matches = Counter(
        (fact.body["need_id"], fact.body["attempt"])
        for fact in facts(evidence, "matching")
        if fact.kind == "matching.matched.v1"
    )
    yield from (f"{need} was matched {n} times in attempt {attempt}" for (need, attempt), n in matches.items() if n > 1)
    offers: dict[tuple[str, int], set[str]] = defaultdict(set)
    for record in evidence.written_by_tenants("notifications"):
        if record.kind == "provider.offer.v1":
            offers[record.body["need_id"], record.body["attempt"]].add(record.id)
    yield from (
        f"{need} was offered {len(ids)} times in attempt {attempt}"
        for (need, attempt), ids in offers.items()
        if len(ids) > 1
    )


_LEAVES = {"matching.attempt-ended.v1", "matching.need-ended.v1", "matching.revoked.v1"}


def _no_place_is_held_twice(evidence: Evidence) -> Iterator[str]:
    """Of each slot, the time between a match and its end overlaps with no other's; and slots are within capacity."""
    capacity: dict[str, int] = {}
    for record in evidence.written_by_tenants("directory"):
        if record.kind == "provider.service.v1" and isinstance(record.body.get("capacity"), int):
            service = f"{record.topic.split('.')[1]}/{record.body.get('service')}"
            capacity[service] = max(capacity.get(service, 0), record.body["capacity"])
    holds: dict[tuple[str, int], list[tuple[str, str, str]]] = defaultdict(list)
    open_: dict[str, tuple[tuple[str, int], str]] = {}
    for fact in facts(evidence, "matching"):
        if fact.kind == "matching.matched.v1":
            service = f"{fact.body['provider']}/{fact.body['service'].removeprefix(fact.body['provider'] + '/')}"
            slot = (service, fact.body["slot"])
            if service in capacity and not 0 <= slot[1] < capacity[service]:
                yield f"{service} has {capacity[service]} places, and {fact.stream} has slot {slot[1]}"
            open_[fact.stream] = (slot, fact.at)
        elif fact.kind in _LEAVES and fact.stream in open_:
            slot, since = open_.pop(fact.stream)
            holds[slot].append((since, fact.at, fact.stream))
    for need, (slot, since) in open_.items():
        holds[slot].append((since, "9", need))
    for slot, each in holds.items():
        for (_, until, one), (since, _, other) in zip(sorted(each), sorted(each)[1:], strict=False):
            if since < until:
                yield f"{slot} was held by {one} and {other} at once"
    held = Counter(row["need"] for row in evidence.places)
    yield from (f"{need} holds {n} places" for need, n in held.items() if n > 1)
    yield from (f"{row['_id']} is held by {row['need']}, which has no match" for row in evidence.places
                if row["need"] not in open_)  # fmt: skip


CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    _journals_have_no_gaps,
    _no_cause_has_two_entries,
    _each_id_has_one_body,
    _what_was_decided_was_told,
    _what_was_told_was_decided,
    _each_stream_was_told_in_order,
    _nothing_sent_was_lost_at_a_gate,
    _each_submission_had_one_effect,
    _each_answer_was_heard,
    _statuses_rise,
    _each_need_has_ended_or_is_open,
    _each_offer_runs_its_course,
    _each_attempt_has_one_match_and_one_offer,
    _no_place_is_held_twice,
)


# reading -------------------------------------------------------------------------------------------------------------


async def gather(kafka: Mapping[str, Any], mongo: str, prefix: str, gone: Iterable[str] = ()) -> Evidence:
    """Read everything there is. `kafka` are the arguments of a client of aiokafka that may read all topics."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo, tz_aware=True)
    try:
        journals = {each: await client[f"{prefix}_{each}"]["journal"].find().to_list(None) for each in SERVICES}
        places = await client[f"{prefix}_matching"]["places"].find().to_list(None)
        waiting = await client[f"{prefix}_matching"]["waiting"].find().to_list(None)
    finally:
        client.close()
    return Evidence(await read_all(kafka), journals, places, waiting, frozenset(gone))


async def partitions(kafka: Mapping[str, Any], pattern: str = r"(?!__).*") -> list[TopicPartition]:
    """Every partition of the topics whose whole name matches; Kafka's own are left out unless asked for."""
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        names = [name for name in await admin.list_topics() if re.fullmatch(pattern, name)]
        described = await admin.describe_topics(names) if names else []
        return [
            TopicPartition(topic["topic"], each["partition"]) for topic in described for each in topic["partitions"]
        ]
    finally:
        await admin.close()


async def read_all(kafka: Mapping[str, Any], pattern: str = r"(?!__).*") -> list[Record]:
    """What is on all topics, or those that match, now."""
    at = await partitions(kafka, pattern)
    if not at:
        return []
    reader = AIOKafkaConsumer(**kafka, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False)
    await reader.start()
    try:
        reader.assign(at)
        starts, ends = await reader.beginning_offsets(at), await reader.end_offsets(at)
        left = {each for each in at if ends[each] > starts[each]}
        records: list[Record] = []
        while left:
            for partition, found in (await reader.getmany(timeout_ms=200)).items():
                records += [_record(each) for each in found if each.offset < ends[partition]]
            left = {each for each in left if await reader.position(each) < ends[each]}
        return records
    finally:
        await reader.stop()


def _record(raw: Any) -> Record:
    headers = {}
    for name, value in raw.headers:
        try:
            headers[name] = (value or b"").decode()
        except UnicodeDecodeError:
            continue
    return Record(raw.topic, raw.partition, raw.offset, raw.value, headers)
