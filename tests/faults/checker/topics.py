"""What was published is what was decided: all of it, nothing else, in order, and one body for each id."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from .evidence import DEAD_LETTERS, Evidence, Record, facts, first_publications

FACTS = ("referrals.intake", "referrals.matching", "referrals.notification")
_SEALED = frozenset({"box", "sealed", "note"})
"""Ciphertext, which differs each time it is sealed, although the event is the same."""


def each_id_has_one_body(evidence: Evidence) -> Iterator[str]:
    """A record that is published again under its id has the same body."""
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
    """The body; or the hash of what was sent, where a gate noted it.

    A record that is sent again under its id is the same event, received at another time.
    """
    sent = record.headers.get("ce_bodyhash")
    return {"bodyhash": sent} if sent else _unsealed(record.body)


def _unsealed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unsealed(inner) for name, inner in value.items() if name not in _SEALED}
    return [_unsealed(inner) for inner in value] if isinstance(value, list) else value


def each_decision_was_published(evidence: Evidence) -> Iterator[str]:
    """Each fact that names a topic is on it, or is a dead letter that could not be delivered."""
    on_topics = {(record.topic, record.id) for record in evidence.records}
    undeliverable = Counter(
        record.headers.get("dlq_topic", "")
        for record in evidence.on(DEAD_LETTERS)
        if record.headers.get("dlq_reason") == "undeliverable"
    )
    missing: dict[str, list[str]] = defaultdict(list)
    for fact in facts(evidence):
        if fact.topic and fact.topic not in evidence.gone and (fact.topic, fact.id) not in on_topics:
            missing[fact.topic].append(f"{fact.kind} of {fact.stream}")
    yield from (
        f"{topic} lacks {len(events)}, such as {events[:3]}"
        for topic, events in missing.items()
        if len(events) > undeliverable[topic]
    )


def each_publication_was_decided(evidence: Evidence) -> Iterator[str]:
    """Every record on the topics of facts is in a journal."""
    journaled = {fact.id for fact in facts(evidence)}
    published = {(record.topic, record.id) for record in evidence.on(*FACTS) if record.ours}
    yield from (f"{topic} has {id_}, which is in no journal" for topic, id_ in published if id_ not in journaled)


def each_stream_was_published_in_order(evidence: Evidence) -> Iterator[str]:
    """Within a partition, each stream was published in order, by the first publication of each event.

    Repetitions come later, and readers drop them. There is no order between partitions.
    """
    order = {fact.id: fact for fact in facts(evidence)}
    last: dict[tuple[str, int, str, str], int] = {}
    for record in first_publications(evidence.records):
        fact = order.get(record.id)
        if fact is None or fact.reply:
            continue
        stream = (record.topic, record.partition, fact.service, fact.stream)
        if fact.order < last.get(stream, -1):
            yield f"{record.place}: {fact.kind} of {fact.stream} came after what followed it"
        last[stream] = max(fact.order, last.get(stream, -1))
