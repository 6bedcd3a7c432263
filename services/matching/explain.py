"""Why a need stands where it does: a read of the journal's facts. Holds ids, scores and counts, nobody's person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contracts import matching
from contracts.base import Message
from services.chassis.journal import Entry

_TOLD: dict[str, type[Message]] = {
    model.ce_type(): model
    for model in (
        matching.Matched,
        matching.Waiting,
        matching.PatienceOver,
        matching.Unmet,
        matching.OnHold,
        matching.Closed,
        matching.MatchRevoked,
        matching.AttemptEnded,
        matching.NeedEnded,
    )
}
_KEPT = {"provider", "service", "slot", "slots", "version", "attempt", "reasons", "funnel", "cause", "code", "end"} | {
    "category", "urgency", "since", "until", "broadcast", "missing", "needs_assessment",
}  # fmt: skip


def explain(documents: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The decisions on one need in order, the match it holds if any, and the funnel of the last look. None: unknown."""
    decisions = [
        _decision(entry.at, _TOLD[fact["type"]].read(fact["text"]))
        for document in documents
        for entry in (Entry.read(document["stream"], each) for each in document["entries"])
        for fact in entry.events()
        if fact["type"] in _TOLD
    ]
    if not decisions:
        return None
    matches = [each for each in decisions if each["what"] == "matched"]
    over = {each.get("attempt") for each in decisions if each["what"] in ("revoked", "attempt-ended")}
    holds = next((each for each in reversed(matches) if each["attempt"] not in over), None)
    looked = [each["funnel"] for each in decisions if each.get("funnel")]
    return {
        "need": documents[0]["stream"],
        "chosen": holds and f"{holds['provider']}/{holds['service']}",
        "reasons": holds["reasons"] if holds else [],
        "funnel": looked[-1] if looked else [],
        "decisions": decisions,
    }


def _decision(at: datetime, fact: Message) -> dict[str, Any]:
    said = fact.model_dump(mode="json", include=_KEPT)
    return {"at": at.isoformat(), "what": type(fact).TYPE.split(".")[1], **said}
