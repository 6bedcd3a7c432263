"""Finds what lost messages may have missed, and rows that may not hold: level-triggered, like a Kubernetes controller.

It looks at what there is, not at what has changed, so it forgets nothing: whatever gives a need a better chance (an
entry, a place, a price, a date, its patience) is seen by one of the next sweeps. It changes nothing itself, and a look
costs no event: of its suspicions only those are published that have an effect, by a rehearsal (`chassis.engine`). The
streams decide, in journaled order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from contracts.matching import PlaceDoubtful, PriceSet, WaitingRecalled
from contracts.words import Rule
from services.chassis.engine.rehearsal import Addressed
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
from ..place_table import LARGE, PlaceTable
from ..ranking import score
from ..ranking.candidate import Candidate
from ..ranking.net_value import charges_of
from ..waitlist import queue
from ..waitlist.queue import QueuedNeed, Waiter, precedence, would_rather_wait
from . import gather


class WaitingSweep:
    """Looks at all waiting needs, and at all places in turns. Call `suspicions` regularly; publish those with effect.

    Each sweep suspects that the needs that could have a place were not recalled. It also doubts the next `doubts` rows
    of either table: a claim may have outlived its claimer, and a repeated event may have put a need back on the list.
    """

    def __init__(
        self,
        directory: Directory,
        claims: Claims,
        limits: Limits,
        doubts: int = 100,
        meter: Meter | None = None,
        prices: Callable[[], PriceSet | None] = lambda: None,
        large: int = LARGE,
    ) -> None:
        self._prices = prices
        self._directory, self._claims, self._limits, self._doubts = directory, claims, limits, doubts
        self._place_table = PlaceTable(claims, large)
        self._reached = {places.TABLE: "", queue.TABLE: ""}
        self._meter = meter or Meter("matching")
        self._warnings = EntryWarnings(directory, limits.dispute_after, self._meter)

    async def suspicions(self, now: datetime) -> list[Addressed]:
        """The events that may have to be published now. Raises `TransientError`."""
        await self._place_table.repair(self._directory)
        held = await self._place_table.load(self._directory.entries())
        listed = [queue.read(doc) for doc in (await self._claims.all(queue.TABLE)).values()]
        latest_waits = {each.id: each for each in sorted(listed, key=lambda each: each.wait_number)}
        flags = EntryFlags(await self._claims.all(entry_flags.FULL))
        self._warnings.warn(held, await self._claims.all(entry_flags.DISPUTES))
        self._meter.places(gather.places(self._directory, held), gather.waiting(latest_waits.values()))
        first = recalls(latest_waits.values(), held, self._directory, now, self._limits, flags, self._prices())
        recalled = {each.id for each in first}
        turn = self._next_waits(latest_waits)
        next_ = [latest_waits[need] for need in turn if need not in recalled]
        doubted = [_doubt(row, doc) for row, doc in (await self._next_places()).items()]
        return [_recall(each) for each in (*first, *next_)] + doubted + await self._expired(now)

    async def _expired(self, now: datetime) -> list[Addressed]:
        """Entries that have expired, or are about to, and whose provider was not notified as far as the rows show."""
        due = expiry.due_notices(self._directory.entries(), now.date())
        notified = await self._claims.all(entry_flags.EXPIRY_NOTICES) if due else {}
        events = (expiry.expiry_event(entry, lapse) for entry, lapse in due)
        return [(each, each.provider) for each in events if expiry.notice_stream(each) not in notified]

    def _next_waits(self, needs: Iterable[str]) -> list[str]:
        """The next needs in order of id, so that each is reached eventually."""
        return self._turned(
            queue.TABLE, sorted(need for need in needs if need > self._reached[queue.TABLE])[: self._doubts]
        )

    async def _next_places(self) -> dict[str, dict[str, Any]]:
        """The next rows of places in order of id, so that each is reached eventually."""
        rows = await self._claims.page(places.TABLE, self._reached[places.TABLE], self._doubts)
        self._turned(places.TABLE, list(rows))
        return rows

    def _turned(self, table: str, ids: list[str]) -> list[str]:
        self._reached[table] = ids[-1] if ids and len(ids) == self._doubts else ""
        return ids


def recalls(
    waiters: Iterable[Waiter],
    held: Places,
    directory: Directory,
    now: datetime,
    limits: Limits,
    flags: EntryFlags | None = None,
    price_set: PriceSet | None = None,
) -> list[Waiter]:
    """The needs that could have a place: at each service the first in its queue, no more than it has places free.

    A need that is first at several services goes to the best of them and leaves its turn at the others to the next.
    This repeats in rounds until no free place has a need that waits for it.
    """
    charges = charges_of(price_set)
    free: dict[str, int] = {}
    queues: dict[str, list[QueuedNeed]] = {}
    entries: dict[str, DirectoryEntry] = {}
    unknown: dict[str, dict[str, list[Rule]]] = {}
    for waiter in waiters:
        eligible = directory.find(waiter.case(now, limits.retry_after))
        unknown[waiter.id] = eligible.unknown
        for entry in eligible.entries:
            if entry.id not in entries:
                entries[entry.id] = entry
                free[entry.id] = held.free(entry) if flags is None or not flags.full(entry) else 0
            if free[entry.id] > 0 and not would_rather_wait(waiter, entry, now, limits, charges):
                rank = precedence(waiter, entry, now, limits, charges.net)
                queues.setdefault(entry.id, []).append(QueuedNeed(rank, waiter))
    left = {id_: deque(each.waiter for each in sorted(needs)) for id_, needs in queues.items()}
    recalled: dict[str, Waiter] = {}
    while heads := _heads(left, free, recalled):
        for waiter, service_ids in heads:
            candidates = [Candidate(entries[id_], free[id_], unknown[waiter.id].get(id_, [])) for id_ in service_ids]
            best = score.rank(waiter.need, candidates, charges.prices)[0]
            free[best.entry.id] -= waiter.need.places
            recalled[waiter.id] = waiter
    return list(recalled.values())


class _Head(NamedTuple):
    """A need that is first in the queues of these services."""

    waiter: Waiter
    service_ids: list[str]


def _heads(left: Mapping[str, deque[Waiter]], free: Mapping[str, int], recalled: Mapping[str, Waiter]) -> list[_Head]:
    """The first need of each queue that is not recalled yet and for which the free places suffice."""
    heads: dict[str, _Head] = {}
    for id_, waiters in left.items():
        while waiters and (waiters[0].id in recalled or waiters[0].need.places > free[id_]):
            waiters.popleft()
        if waiters:
            heads.setdefault(waiters[0].id, _Head(waiters[0], [])).service_ids.append(id_)
    return list(heads.values())


def _recall(waiter: Waiter) -> Addressed:
    """Have a need look again."""
    need = waiter.need
    return WaitingRecalled(referral_id=need.referral_id, need_id=need.need_id), need.referral_id


def _doubt(row: str, doc: Mapping[str, Any]) -> Addressed:
    """Ask the need that a row names whether the place is still its own."""
    event = PlaceDoubtful(referral_id=doc["referral"], need_id=doc["need"], row=row, match_id=doc["match"])
    return event, doc["referral"]
