"""What happened to a need, line by line: a read of the journal, and nothing that is kept apart from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.outcomes import Noted
from contracts.words import ALREADY_SERVED, DecidedBy, Lifecycle
from services.chassis.engine.journal import JournalEntry

from ..domain.state import rank_of

_BY_PROVIDER = frozenset(
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
_DELETED = "recall-acknowledged"
_BY_AGENCY = ("accepted", "corrected", "withdrawn")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `by` is an organisation, ``person`` or ``system``; `to` is where it was offered."""

    at: datetime
    what: str
    attempt: int
    by: str
    to: str = ""
    code: str = ""


def timeline(documents: Iterable[Mapping[str, Any]]) -> list[Line]:
    """The lines of one need, from its journal documents, in the order in which things happened (not were read)."""
    notes = [
        Noted.read(fact["text"])
        for document in documents
        for entry in (JournalEntry.read(document["stream"], each) for each in document["entries"])
        for fact in entry.events()
        if fact["type"] == Noted.ce_type()
    ]
    return [_line(noted) for noted in sorted(notes, key=_order)]


def render(lines: Iterable[Line]) -> str:
    """As text, one line each: time (UTC), attempt, what, by whom, and the rest."""
    rendered = []
    for line in lines:
        at = line.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        rest = f"{f'→ {line.to}' if line.to else ''} {f'({line.code})' if line.code else ''}".strip()
        rendered.append(f"{at}  {line.attempt or '':>2}  {line.what:<17} {line.by:<20} {rest}".rstrip())
    return "\n".join(rendered)


def _line(noted: Noted) -> Line:
    where = f"{noted.provider}/{noted.service}" if noted.provider else ""
    if noted.by is DecidedBy.PERSON:
        by = "person"
    elif (noted.state in _BY_PROVIDER and noted.overdue is None) or noted.what == _DELETED:
        by = noted.provider or ""
    else:
        by = noted.agency if noted.what in _BY_AGENCY and noted.code != ALREADY_SERVED else "system"
    return Line(
        at=noted.at,
        what=noted.what,
        attempt=noted.attempt,
        by=by,
        to=where if by in ("system", "person") else "",
        code=noted.code or (noted.overdue.value if noted.overdue else ""),
    )


def _order(noted: Noted) -> tuple[Any, ...]:
    """By time; at the same moment by rank, what brings no state first."""
    return (noted.at, rank_of(noted) or (), noted.revision, noted.what)


def life(streams: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any] | None:
    """Needs with their lines, as JSON for an operator; None where there are none. Holds ids, nobody's person."""
    needs = [
        {"need": stream, "lines": [{**asdict(line), "at": line.at.isoformat()} for line in lines]}
        for stream, documents in sorted(streams.items())
        if (lines := timeline(documents))
    ]
    return {"needs": needs} if needs else None
