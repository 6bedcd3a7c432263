"""What was told, held against what was decided: all of it, nothing else, in order, and one body to an id."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from .evidence import DEAD_LETTERS, Evidence, Record, facts, first_times

FACTS = ("referrals.intake", "referrals.matching", "referrals.notification")
_SEALED = frozenset({"box", "sealed", "note"})
"""Ciphertext: made anew each time it is sealed, and yet the same event."""


def each_id_has_one_body(evidence: Evidence) -> Iterator[str]:
    """What comes again under an id is the same event, word for word."""
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


def what_was_decided_was_told(evidence: Evidence) -> Iterator[str]:
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


def what_was_told_was_decided(evidence: Evidence) -> Iterator[str]:
    """Nothing stands on the topics of facts that no journal knows."""
    journaled = {fact.id for fact in facts(evidence)}
    told = {(record.topic, record.id) for record in evidence.on(*FACTS) if record.ours}
    yield from (f"{topic} has {id_}, which no journal knows" for topic, id_ in told if id_ not in journaled)


def each_stream_was_told_in_order(evidence: Evidence) -> Iterator[str]:
    """By the first time each event was told: a repetition comes later, and is dropped by whoever reads it.

    Within a partition; what a stream says to another stands elsewhere, and there is no order between.
    """
    order = {fact.id: fact for fact in facts(evidence)}
    last: dict[tuple[str, int, str, str], int] = {}
    for record in first_times(evidence.records):
        fact = order.get(record.id)
        if fact is None or fact.reply:
            continue
        stream = (record.topic, record.partition, fact.service, fact.stream)
        if fact.order < last.get(stream, -1):
            yield f"{record.place}: {fact.kind} of {fact.stream} came after what followed it"
        last[stream] = max(fact.order, last.get(stream, -1))
