"""The waiting list: who waits, and in which order. A row of the table ``waiting`` for each need, by its id.

Rows can be rebuilt from the journal. `turn` counts a need's waits, and guards a row: a repeated deletion for an
earlier wait must not take the row of a later one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.intake import Accepted
from contracts.matching import AttemptEnded
from contracts.words import Urgency

from .eligibility import Case

TABLE = "waiting"


@dataclass(frozen=True, slots=True)
class Waiter:
    """A need that waits, or is about to: what has to be known to rank it and to find it a service."""

    need: Accepted
    tried: tuple[AttemptEnded, ...]
    since: datetime
    turn: int

    @property
    def id(self) -> str:
        """The need's id."""
        return self.need.need_id

    def case(self, now: datetime, retry_after: timedelta) -> Case:
        """The need as eligibility sees it."""
        return Case(self.need, self.tried, now, retry_after)


Precedence = tuple[int, int, datetime, str]


def precedence(waiter: Waiter, now: datetime, patience: Mapping[Urgency, timedelta]) -> Precedence:
    """Sorts the first to be served first: class, then vulnerability (number of flags), then age of the request.

    A need that has waited longer than its patience counts as one class higher; an emergency goes above all.
    """
    need = waiter.need
    promoted = now - waiter.since >= patience[need.urgency]
    return (-(need.urgency.rank + promoted), -len(set(need.person.flags)), need.requested_at, need.need_id)


def row(waiter: Waiter) -> dict[str, Any]:
    """What the row of a need holds."""
    return {
        "referral": waiter.need.referral_id,
        "category": waiter.need.category.value,
        "turn": waiter.turn,
        "since": waiter.since.isoformat(),
        "accepted": waiter.need.model_dump_json(),
        "tried": [each.model_dump_json() for each in waiter.tried],
    }


def read(doc: Mapping[str, Any]) -> Waiter:
    """The inverse of `row`."""
    return Waiter(
        need=Accepted.read(doc["accepted"]),
        tried=tuple(AttemptEnded.read(each) for each in doc["tried"]),
        since=datetime.fromisoformat(doc["since"]),
        turn=doc["turn"],
    )
