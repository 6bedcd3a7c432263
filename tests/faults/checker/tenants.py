"""What tenants sent: each event had one effect, or its sender was notified why not."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from .evidence import DEAD_LETTERS, Evidence, facts


def no_input_was_lost_at_a_gate(evidence: Evidence) -> Iterator[str]:
    """A gate passed each record on, or made it a dead letter."""
    passed = {record.headers.get("ce_causationid") for record in evidence.records if record.topic.startswith("referra")}
    set_aside = {
        "/".join(record.headers.get(f"dlq_{name}", "") for name in ("topic", "partition", "offset"))
        for record in evidence.on(DEAD_LETTERS)
    }
    for record in (*evidence.written_by_tenants("referrals"), *evidence.written_by_tenants("responses")):
        if record.place not in passed and record.place not in set_aside:
            yield record.place


def each_submission_had_one_effect(evidence: Evidence) -> Iterator[str]:
    """Each submission is stored once or refused, and each of its needs is accepted once; so is each correction."""
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
        if record.place in refused_at_gate:  # it may have any reference, or none
            continue
        if record.kind in ("agency.submitted.v1", "agency.corrected.v1") and "reference" in record.body:
            sent[record.topic.split(".")[1], str(record.body["reference"])].add(record.id)
    for whose, ids in sent.items():
        if whose not in held and whose not in refused:
            yield f"{whose} was lost"
        if len(held.get(whose, [])) > len(ids):
            yield f"{whose} was stored {len(held[whose])} times for {len(ids)} events"
        if len(set(held.get(whose, []))) > 1:
            yield f"{whose} is {len(set(held[whose]))} referrals"
    yield from (f"{whose} was not sent" for whose in held.keys() - sent.keys())
    yield from (f"need {need} was accepted {n} times" for (need, _), n in accepted.items() if n > 1)


def each_answer_was_taken(evidence: Evidence) -> Iterator[str]:
    """Each answer of a provider is in notification's journal, or was refused."""
    inbox = "referrals.inbox.notification"
    passed = {record.headers.get("ce_causationid"): record.id for record in evidence.on(inbox)}
    causes = {fact.cause for fact in facts(evidence, "notification")}
    refused = {record.headers.get("ce_causationid") for record in evidence.written_by_tenants("notifications")}
    for record in evidence.written_by_tenants("responses"):
        id_ = passed.get(record.place)
        unreachable = record.topic.replace(".responses", ".notifications") in evidence.gone
        if id_ is not None and not unreachable and f"{inbox}/{id_}" not in causes and id_ not in refused:
            yield record.place
