"""The waiting list: who waits, and for which services. A row of the table ``waiting`` for each wait of a need.

In which order they are served says `order`.

Rows can be rebuilt from the journal. A need's waits are numbered (`turn`), and each has a row of its own: an event that
comes again puts its row again or takes it away again, whichever wait the need is in by then. So a row that is left
over does no worse than have its need asked; the row of the wait that lasts is never lost.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import AttemptEnded, FunnelStep
from contracts.words import Category, Rule

from ..eligibility.rules import Case, fits
from ..model.entry import DirectoryEntry
from ..model.limits import Limits
from ..ranking.net_value import FREE, Charges, Net
from ..ranking.score import fit
from . import precedence as order
from .precedence import Precedence

TABLE = "waiting"


class Waiter(NamedTuple):
    """A need that waits, or is about to: what has to be known to rank it and to find it a service.

    `options` is how many services could take it, had they a place: as it was counted when this wait began, and kept
    with it, so that every matcher, and whoever decides again later, ranks it alike. None: not counted yet.
    """

    need: NeedRegistered
    tried: tuple[AttemptEnded, ...]
    since: datetime
    turn: int
    options: int | None = None

    @property
    def id(self) -> str:
        """The need's id."""
        return self.need.need_id

    def case(self, now: datetime, retry_after: timedelta) -> Case:
        """The need as eligibility sees it."""
        return Case(self.need, self.tried, now, retry_after)


def precedence(waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits, net: Net = fit) -> Precedence:
    """Sorts the first to be served at this service first. See `order`."""
    need = waiter.need
    waited, patience = now - waiter.since, limits.patience[need.urgency]
    if order.out_of_patience(waited, patience):
        return order.precedence(need, waited, patience, 0.0)
    return order.precedence(need, waited, patience, net(need, entry), waiter.options)


def patience_over(waiter: Waiter, now: datetime, limits: Limits) -> bool:
    """Whether it has waited as long as it should at most."""
    return order.out_of_patience(now - waiter.since, limits.patience[waiter.need.urgency])


def would_rather_wait(waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits, charges: Charges) -> bool:
    """Whether a place of this service is kept for needs to come, which it is worth more to."""
    return charges.too_dear(waiter.need, entry, now - waiter.since, limits.patience[waiter.need.urgency])


def options_of(funnel: Sequence[FunnelStep]) -> int:
    """How many services could take a need, had they a place, by the funnel of its last look."""
    return next((step.left for step in funnel if step.rule is Rule.RULED_OUT), 0)


class WaitingQueues:
    """Who waits for each service, first in line first. Who would rather wait on than pay is not in line there.

    `takes` says of a need and a service whether the one can take the other.

    A line is made when it is first asked for, as of that moment, and kept up while the batch goes on: with thousands
    waiting, asking each of them again for each decision would take milliseconds.
    """

    def __init__(
        self,
        waiters: Iterable[Waiter] = (),
        charges: Charges = FREE,
        takes: Callable[[Case, DirectoryEntry], bool] = fits,
    ) -> None:
        self._charges, self._net, self._takes = charges, charges.net, takes
        self._turns: dict[str, set[int]] = {}
        self._waiters: dict[str, Waiter] = {}
        self._queues: dict[Category, dict[str, Waiter]] = {}
        self._lines: dict[str, tuple[DirectoryEntry, datetime, Limits, list[tuple[Precedence, Waiter]]]] = {}
        for waiter in waiters:
            self.add(waiter)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiters)

    def turns(self, need: str) -> set[int]:
        """The waits of a need that have a row."""
        return set(self._turns.get(need, ()))

    def of(self, entry: DirectoryEntry, now: datetime, limits: Limits) -> list[tuple[Precedence, Waiter]]:
        """Those who wait and whom this service can take, in order."""
        known = self._lines.get(entry.id)
        if known is None or known[0] is not entry:
            queues = (self._queues.get(category, {}) for category in set(entry.service.categories))
            able = (each for queue in queues for each in queue.values() if self._able(each, entry, now, limits))
            line = sorted((precedence(each, entry, now, limits, self._net), each) for each in able)
            known = self._lines[entry.id] = (entry, now, limits, line)
        return known[3]

    def above(self, waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits) -> list[Waiter]:
        """Those of the line who are served before this need, whether or not it is in it itself."""
        line = self.of(entry, now, limits)
        if not line:
            return []
        moment = self._lines[entry.id][1]
        mine = bisect_left(line, (precedence(waiter, entry, moment, limits, self._net),))
        return [each for _, each in line[:mine] if each.id != waiter.id]

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
            if self._able(waiter, entry, now, limits):
                insort(line, (precedence(waiter, entry, now, limits, self._net), waiter))

    def remove(self, need: str, turn: int) -> None:
        """That wait is over."""
        self._turns.get(need, set()).discard(turn)
        old = self._waiters.get(need)
        if old is not None and old.turn == turn:
            self._leave(old)

    def _able(self, waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits) -> bool:
        able = self._takes(waiter.case(now, limits.retry_after), entry)
        return able and not would_rather_wait(waiter, entry, now, limits, self._charges)

    def _leave(self, old: Waiter | None) -> None:
        if old is not None:
            del self._waiters[old.id]
            del self._queues[old.need.category][old.id]
            for *_, line in self._lines.values():
                line[:] = [each for each in line if each[1] is not old]


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
        "options": waiter.options,
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
        options=doc.get("options"),  # rows of before it was counted have none
    )


@lru_cache(maxsize=20_000)
def _accepted(text: str) -> NeedRegistered:
    """Batch after batch brings the same rows; the model is frozen, so one will do."""
    return NeedRegistered.read(text)
