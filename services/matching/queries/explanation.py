"""Why a need stands where it does, read from the facts in the journal: in codes and in plain words (`sentences`).

The answer holds ids, scores and counts. Of the person it holds only the languages that were looked for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts import matching
from contracts.base import Message
from contracts.intake import NeedRegistered
from contracts.matching import Matched, NeedKept
from services.chassis.engine.journal import entries_of

from .sentences import Decision, sentences

_EXPLAINED: dict[str, type[Message]] = {
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
        matching.NeedKept,
    )
}
_FIELDS = {
    "provider", "service", "slot", "slots", "version", "attempt", "reasons", "funnel", "cause", "code", "end",
    "category", "urgency", "since", "until", "broadcast", "missing", "needs_assessment", "free", "weighed",
}  # fmt: skip


def explain(documents: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The decisions on one need in order, its current match if any, and the latest funnel. None: unknown need.

    `documents` are the need's documents in the journal. Each match, each wait and an end without help has `texts`: the
    explanation by language, as a list of sentences.
    """
    facts = [
        (entry.at, _EXPLAINED[fact["type"]].read(fact["text"]))
        for entry in entries_of(documents)
        for fact in entry.events()
        if fact["type"] in _EXPLAINED
    ]
    rounds: dict[str, list[Matched]] = {}  # matches made at the same time share an id
    for _, fact in facts:
        if isinstance(fact, Matched):
            rounds.setdefault(fact.match_id, []).append(fact)
    decisions, need = [], None
    for at, fact in facts:
        if isinstance(fact, NeedKept):
            need = fact.accepted
        else:
            decisions.append(_decision(at, fact, need, rounds))
    if not decisions:
        return None
    matches = [each for each in decisions if each["what"] == "matched"]
    ended = {each.get("attempt") for each in decisions if each["what"] in ("revoked", "attempt-ended")}
    current = next((each for each in reversed(matches) if each["attempt"] not in ended), None)
    funnels = [each["funnel"] for each in decisions if each.get("funnel")]
    return {
        "need": documents[0]["stream"],
        "chosen": current and f"{current['provider']}/{current['service']}",
        "reasons": current["reasons"] if current else [],
        "funnel": funnels[-1] if funnels else [],
        "decisions": decisions,
    }


def _decision(
    at: datetime, fact: Message, need: NeedRegistered | None, rounds: Mapping[str, list[Matched]]
) -> dict[str, Any]:
    decision = fact.model_dump(mode="json", include=_FIELDS)
    if isinstance(fact, Decision):
        decision["texts"] = sentences(fact, need, rounds[fact.match_id] if isinstance(fact, Matched) else ())
    return {"at": at.isoformat(), "what": type(fact).TYPE.split(".")[1], **decision}
