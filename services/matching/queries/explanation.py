"""Why a need stands where it does: a read of the journal's facts, in codes and in plain words (`wording`).

Holds ids, scores and counts, and of the person no more than the languages that were looked for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts import matching
from contracts.base import Message
from contracts.intake import NeedRegistered
from contracts.matching import Matched, NeedKept
from services.chassis.engine.journal import JournalEntry

from .sentences import Decision, sentences

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
        matching.NeedKept,
    )
}
_KEPT = {"provider", "service", "slot", "slots", "version", "attempt", "reasons", "funnel", "cause", "code", "end"} | {
    "category", "urgency", "since", "until", "broadcast", "missing", "needs_assessment", "free", "weighed",
}  # fmt: skip


def explain(documents: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The decisions on one need in order, the match it holds if any, and the funnel of the last look. None: unknown.

    A match, a wait and an end without help have `texts`: their explanation by language, a sentence each.
    """
    told = [
        (entry.at, _TOLD[fact["type"]].read(fact["text"]))
        for document in documents
        for entry in (JournalEntry.read(document["stream"], each) for each in document["entries"])
        for fact in entry.events()
        if fact["type"] in _TOLD
    ]
    rounds: dict[str, list[Matched]] = {}
    for _, fact in told:
        if isinstance(fact, Matched):
            rounds.setdefault(fact.match_id, []).append(fact)
    decisions, need = [], None
    for at, fact in told:
        if isinstance(fact, NeedKept):
            need = fact.accepted
        else:
            decisions.append(_decision(at, fact, need, rounds))
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


def _decision(
    at: datetime, fact: Message, need: NeedRegistered | None, rounds: Mapping[str, list[Matched]]
) -> dict[str, Any]:
    said = fact.model_dump(mode="json", include=_KEPT)
    if isinstance(fact, Decision):
        said["texts"] = sentences(fact, need, rounds[fact.match_id] if isinstance(fact, Matched) else ())
    return {"at": at.isoformat(), "what": type(fact).TYPE.split(".")[1], **said}
