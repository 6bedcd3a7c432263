"""The timeline of a need, line by line. It is read from the journal, so nothing is stored for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from contracts.outcomes import Noted
from contracts.words import ALREADY_SERVED, DecidedBy, Happening, Lifecycle
from services.chassis.engine.journal import entries_of

from ..domain.rank import rank_of

_STATES_BY_PROVIDER = frozenset(
    {
        Lifecycle.ACKNOWLEDGED,
        Lifecycle.ACCEPTED_BY_PROVIDER,
        Lifecycle.APPOINTED,
        Lifecycle.NO_SHOW,
        Lifecycle.DECLINED,
        Lifecycle.IN_PROGRESS,
        Lifecycle.DELIVERED,
        Lifecycle.PARTLY_DELIVERED,
        Lifecycle.NOT_DELIVERED,
    }
)
_EVENTS_BY_AGENCY = ("accepted", "corrected", "withdrawn")
PERSON, SYSTEM = "person", "system"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `by` is an organisation's id, `PERSON` or `SYSTEM`; `to` is the service it concerns."""

    at: datetime
    what: str
    attempt: int
    by: str
    to: str = ""
    code: str = ""


def timeline(documents: Iterable[Mapping[str, Any]]) -> list[Line]:
    """The lines of one need from its journal documents, in the order in which things happened, not were read."""
    facts = (fact for entry in entries_of(documents) for fact in entry.events())
    events = [Noted.read(fact["text"]) for fact in facts if fact["type"] == Noted.ce_type()]
    return [_line(noted) for noted in sorted(events, key=_order)]


def timelines(streams: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any] | None:
    """The timelines of all needs that have one, as JSON for an operator; None if none has.

    They hold ids, but no personal data.
    """
    needs = [
        {"need": stream, "lines": [{**asdict(line), "at": line.at.isoformat()} for line in lines]}
        for stream, documents in sorted(streams.items())
        if (lines := timeline(documents))
    ]
    return {"needs": needs} if needs else None


def _line(noted: Noted) -> Line:
    by = _by(noted)
    service = f"{noted.provider}/{noted.service}" if noted.provider else ""
    return Line(
        at=noted.at,
        what=noted.what,
        attempt=noted.attempt,
        by=by,
        to=service if by in (SYSTEM, PERSON) else "",
        code=noted.code or (noted.overdue.value if noted.overdue else ""),
    )


def _by(noted: Noted) -> str:
    """Who did it."""
    answered = noted.state in _STATES_BY_PROVIDER and noted.overdue is None
    if noted.by is DecidedBy.PERSON:
        return PERSON
    if answered or noted.what == Happening.RECALL_ACKNOWLEDGED:
        return noted.provider or ""
    if noted.what in _EVENTS_BY_AGENCY and noted.code != ALREADY_SERVED:
        return noted.agency
    return SYSTEM


def _order(noted: Noted) -> tuple[Any, ...]:
    """A sort key: by time; at the same moment by rank, with events that bring no state first."""
    return (noted.at, rank_of(noted) or (), noted.revision, noted.what)
