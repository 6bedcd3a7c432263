"""Repeats what a lost message missed, and doubts rows: level-triggered, like a Kubernetes controller.

It changes nothing itself. It tells needs to look again, and of entries what has become of them by time alone; their
streams decide, in journaled order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.base import Message
from contracts.matching import PlaceDoubtful, PriceSet, WaitingRecalled
from contracts.words import Rule
from services.chassis.ports import Claims
from services.chassis.telemetry.metrics import Meter

from ..capacity import places
from ..capacity.places import Places
from ..directory import entry_flags, expiry
from ..directory.directory import Directory
from ..directory.entry_flags import EntryFlags
from ..model.entry import DirectoryEntry
from ..model.limits import Limits
from ..outbound.alerts import EntryWarnings
from ..ranking import score
from ..ranking.net_value import charges
from ..waitlist import queue
from ..waitlist.precedence import Precedence
from ..waitlist.queue import Waiter, precedence, would_rather_wait
from . import census

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
        self._reached = {places.TABLE: "", queue.TABLE: ""}
        self._meter = meter or Meter("matching")
        self._warnings = EntryWarnings(directory, limits.dispute_after, self._meter)

    async def look(self, now: datetime) -> list[Addressed]:
        """What is to be published now. Raises `TransientError`."""
        rows = await self._claims.all(places.TABLE)
        listed = [queue.read(doc) for doc in (await self._claims.all(queue.TABLE)).values()]
        waiters = {each.id: each for each in sorted(listed, key=lambda each: each.turn)}  # the latest wait of each
        marked = EntryFlags(await self._claims.all(entry_flags.FULL))
        held = Places(rows)
        self._warnings.look(held, await self._claims.all(entry_flags.DISPUTES))
        self._meter.places(census.places(self._directory, held), census.waiting(waiters.values()))
        first = recalls(waiters.values(), held, self._directory, now, self._limits, marked, self._prices())
        told = {each.id for each in first}
        also = [waiters[need] for need in self._next(queue.TABLE, waiters) if need not in told]
        doubts = [doubt(row, rows[row]) for row in self._next(places.TABLE, rows)]
        return [recall(each) for each in (*first, *also)] + doubts + await self._lapses(now)

    async def _lapses(self, now: datetime) -> list[Addressed]:
        """What is to be told of entries, and was not yet, as far as the rows say."""
        found = expiry.due(self._directory.entries(), now.date())
        told = await self._claims.all(entry_flags.LAPSES) if found else {}
        events = (expiry.event(entry, lapse) for entry, lapse in found)
        return [(each, each.provider) for each in events if expiry.stream(each) not in told]

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
    marked: EntryFlags | None = None,
    price_set: PriceSet | None = None,
) -> list[Waiter]:
    """Who could have a place: at each service those who are first in its line, and no more than it has places free.

    Who is first at several goes to the best for it, and leaves its turn at the others to the next: so in rounds, until
    no free place has anybody who waits for it.
    """
    charged = charges(price_set)
    entries: dict[str, DirectoryEntry] = {}
    free: dict[str, int] = {}
    doubts: dict[str, dict[str, list[Rule]]] = {}
    lines: dict[str, list[tuple[Precedence, Waiter]]] = {}
    for waiter in waiters:
        able = directory.find(waiter.case(now, limits.retry_after))
        doubts[waiter.id] = able.unknown
        for entry in able.entries:
            if entry.id not in entries:
                entries[entry.id] = entry
                free[entry.id] = held.free(entry) if marked is None or not marked.full(entry) else 0
            if free[entry.id] > 0 and not would_rather_wait(waiter, entry, now, limits, charged):
                rank = precedence(waiter, entry, now, limits, charged.net)
                lines.setdefault(entry.id, []).append((rank, waiter))
    left = {id_: deque(each for _, each in sorted(line)) for id_, line in lines.items()}
    found: dict[str, Waiter] = {}
    while heads := _heads(left, free, found):
        for waiter, at in heads:
            offers = ((entries[id_], free[id_]) for id_ in at)
            best = score.rank(waiter.need, offers, doubts[waiter.id], charged.prices, charged.learned)[0]
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
