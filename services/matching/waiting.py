"""The waiting list: who waits, and in which order. A row of the table ``waiting`` for each wait of a need.

Rows can be rebuilt from the journal. A need's waits are numbered (`turn`), and each has a row of its own: an event that
comes again puts its row again or takes it away again, whichever wait the need is in by then. So a row that is left
over does no worse than have its need asked; the row of the wait that lasts is never lost.
"""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from contracts.intake import Accepted
from contracts.matching import AttemptEnded
from contracts.words import Category, Urgency

from .directory import Entry
from .eligibility import Case, failing
from .limits import Limits

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

    Of people to be served together, the flags of all count, each once.

    A need that has waited longer than its patience counts as one class higher; an emergency goes above all.
    """
    need = waiter.need
    promoted = now - waiter.since >= patience[need.urgency]
    return (
        -(need.urgency.rank + promoted),
        -len({flag for person in need.people for flag in person.flags}),
        need.requested_at,
        need.need_id,
    )


class Lines:
    """Who waits for each service, first in line first.

    A line is made when it is first asked for, as of that moment, and kept up while the batch goes on: with thousands
    waiting, asking each of them again for each decision would take milliseconds.
    """

    def __init__(self, waiters: Iterable[Waiter] = ()) -> None:
        self._turns: dict[str, set[int]] = {}
        self._waiters: dict[str, Waiter] = {}
        self._queues: dict[Category, dict[str, Waiter]] = {}
        self._lines: dict[str, tuple[Entry, datetime, Limits, list[tuple[Precedence, Waiter]]]] = {}
        for waiter in waiters:
            self.add(waiter)

    def turns(self, need: str) -> set[int]:
        """The waits of a need that have a row."""
        return set(self._turns.get(need, ()))

    def of(self, entry: Entry, now: datetime, limits: Limits) -> list[tuple[Precedence, Waiter]]:
        """Those who wait and whom this service can take, in order."""
        known = self._lines.get(entry.id)
        if known is None or known[0] is not entry:
            queues = (self._queues.get(category, {}) for category in set(entry.service.categories))
            able = (each for queue in queues for each in queue.values() if _able(each, entry, now, limits))
            line = sorted((precedence(each, now, limits.patience), each) for each in able)
            known = self._lines[entry.id] = (entry, now, limits, line)
        return known[3]

    def add(self, waiter: Waiter) -> None:
        """It waits. Only the latest wait of a need counts, in whichever order they come."""
        self._turns.setdefault(waiter.id, set()).add(waiter.turn)
        old = self._waiters.get(waiter.id)
        if old is not None and old.turn >= waiter.turn:
            return
        self._leave(old)
        self._waiters[waiter.id] = waiter
        self._queues.setdefault(waiter.need.category, {})[waiter.id] = waiter
        for entry, now, limits, line in self._lines.values():
            if _able(waiter, entry, now, limits):
                insort(line, (precedence(waiter, now, limits.patience), waiter))

    def remove(self, need: str, turn: int) -> None:
        """That wait is over."""
        self._turns.get(need, set()).discard(turn)
        old = self._waiters.get(need)
        if old is not None and old.turn == turn:
            self._leave(old)

    def _leave(self, old: Waiter | None) -> None:
        if old is not None:
            del self._waiters[old.id]
            del self._queues[old.need.category][old.id]
            for *_, line in self._lines.values():
                line[:] = [each for each in line if each[1] is not old]


def _able(waiter: Waiter, entry: Entry, now: datetime, limits: Limits) -> bool:
    return failing(waiter.case(now, limits.retry_after), entry) is None


def row_id(need: str, turn: int) -> str:
    """The row of one wait of a need."""
    return f"{need}:{turn}"


def turn_of(row: str) -> tuple[str, int]:
    """The need and the turn of a row, the inverse of `row_id`."""
    need, _, turn = row.rpartition(":")
    return need, int(turn)


def row(waiter: Waiter) -> dict[str, Any]:
    """What the row holds."""
    return {
        "need": waiter.id,
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
        need=_accepted(doc["accepted"]),
        tried=tuple(AttemptEnded.read(each) for each in doc["tried"]),
        since=datetime.fromisoformat(doc["since"]),
        turn=doc["turn"],
    )


@lru_cache(maxsize=20_000)
def _accepted(text: str) -> Accepted:
    """Batch after batch brings the same rows; the model is frozen, so one will do."""
    return Accepted.read(text)
