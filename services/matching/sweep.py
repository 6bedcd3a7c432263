"""Repeats what a lost message missed, and doubts rows: level-triggered, like a Kubernetes controller.

It changes nothing itself. It tells needs to look again; their streams decide, in journaled order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.base import Message
from contracts.matching import PlaceDoubtful, PriceSet, WaitingRecalled
from services.chassis.metrics import Meter
from services.chassis.ports import Claims

from . import marks, places, ranking, waiting
from .alerts import EntryWarnings
from .charging import charges
from .directory import Directory
from .limits import Limits
from .marks import Marks
from .places import Places
from .waiting import Lines, Waiter

Addressed = tuple[Message, str]
"""An event for matching's own inbox, and its record key."""


class Sweep:
    """Looks at all rows; `look` is to be called from time to time, and what it returns to be published.

    Besides whom a place waits for, each sweep asks `doubts` rows of either table whether they still stand: a claim may
    have outlived its claimer, a repeated event may have put a need on the list that has left it.
    """

    def __init__(
        self,
        directory: Directory,
        claims: Claims,
        limits: Limits,
        doubts: int = 100,
        meter: Meter | None = None,
        prices: Callable[[], PriceSet | None] = lambda: None,
    ) -> None:
        self._prices = prices
        self._directory, self._claims, self._limits, self._doubts = directory, claims, limits, doubts
        self._reached = {places.TABLE: "", waiting.TABLE: ""}
        self._warnings = EntryWarnings(directory, limits.dispute_after, meter or Meter("matching"))

    async def look(self, now: datetime) -> list[Addressed]:
        """What is to be published now. Raises `Transient`."""
        rows = await self._claims.all(places.TABLE)
        listed = [waiting.read(doc) for doc in (await self._claims.all(waiting.TABLE)).values()]
        waiters = {each.id: each for each in sorted(listed, key=lambda each: each.turn)}  # the latest wait of each
        marked = Marks(await self._claims.all(marks.FULL))
        held = Places(rows)
        self._warnings.look(held, await self._claims.all(marks.DISPUTES))
        first = recalls(waiters.values(), held, self._directory, now, self._limits, marked, self._prices())
        told = {each.id for each in first}
        also = [waiters[need] for need in self._next(waiting.TABLE, waiters) if need not in told]
        doubts = [doubt(row, rows[row]) for row in self._next(places.TABLE, rows)]
        return [recall(each) for each in (*first, *also)] + doubts

    def _next(self, table: str, rows: Iterable[str]) -> list[str]:
        """The next rows in order of id, so that all have their turn."""
        found = sorted(row for row in rows if row > self._reached[table])[: self._doubts]
        self._reached[table] = found[-1] if found and len(found) == self._doubts else ""
        return found


def recalls(
    waiters: Iterable[Waiter],
    held: Places,
    directory: Directory,
    now: datetime,
    limits: Limits,
    marked: Marks | None = None,
    price_set: PriceSet | None = None,
) -> list[Waiter]:
    """Who could have a place: at each service those who are first in its line, and no more than it has places free.

    Who is first at several goes to the best for it, and leaves its turn at the others to the next: so in rounds, until
    no free place has anybody who waits for it.
    """
    listed = list(waiters)
    charged = charges(price_set)
    lines = Lines(listed, charged)
    entries = {
        entry.id: entry for category in {each.need.category for each in listed} for entry in directory.of(category)
    }
    free = {id_: held.free(entry) for id_, entry in entries.items() if marked is None or not marked.full(entry)}
    left = {
        id_: deque(each for _, each in lines.of(entries[id_], now, limits)) for id_, count in free.items() if count > 0
    }
    found: dict[str, Waiter] = {}
    while heads := _heads(left, free, found):
        for waiter, at in heads:
            best = ranking.rank(waiter.need, ((entries[id_], free[id_]) for id_ in at), charged.prices)[0]
            free[best.entry.id] -= waiter.need.places
            found[waiter.id] = waiter
    return list(found.values())


def _heads(
    left: Mapping[str, deque[Waiter]], free: Mapping[str, int], found: Mapping[str, Waiter]
) -> list[tuple[Waiter, list[str]]]:
    """Who is first at which services, of those for whom nothing was found yet and whom their free places can hold."""
    heads: dict[str, tuple[Waiter, list[str]]] = {}
    for id_, line in left.items():
        while line and (line[0].id in found or line[0].need.places > free[id_]):
            line.popleft()
        if line:
            heads.setdefault(line[0].id, (line[0], []))[1].append(id_)
    return list(heads.values())


def recall(waiter: Waiter) -> Addressed:
    """Tell a need to look again."""
    need = waiter.need
    return WaitingRecalled(referral_id=need.referral_id, need_id=need.need_id), need.referral_id


def doubt(row: str, doc: Mapping[str, Any]) -> Addressed:
    """Ask the need that a row names whether it is still its place."""
    event = PlaceDoubtful(referral_id=doc["referral"], need_id=doc["need"], row=row, match_id=doc["match"])
    return event, doc["referral"]
