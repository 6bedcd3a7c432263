"""The waiting list: which needs wait, and for which services. `precedence.py` defines the order.

Each wait of a need is a row of the table ``waiting``, and rows can be rebuilt from the journal. The waits of a need are
numbered (`wait_number`), so an event that comes again puts or deletes the row of its own wait, whichever wait the need
is in by then. A row that is left over does no worse than have its need look again; the row of the current wait is never
lost.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import AttemptEnded, FunnelStep
from contracts.words import Category, Rule, Urgency

from ..eligibility.rules import Case, fits
from ..model.entry import DirectoryEntry
from ..model.limits import Limits
from ..ranking.net_value import FREE, Charges, Net
from ..ranking.score import fit
from . import precedence as order
from .precedence import Precedence

TABLE = "waiting"


class Waiter(NamedTuple):
    """A need that waits, or is about to: what it takes to rank it and to find it a service.

    `options` is the number of services that could take it if they had a place. It is counted when the wait begins and
    kept with it, so that every matcher, and every later decision, ranks the need alike. None: not counted yet.
    """

    need: NeedRegistered
    tried: tuple[AttemptEnded, ...]
    since: datetime
    wait_number: int
    options: int | None = None

    @property
    def id(self) -> str:
        """The need's id."""
        return self.need.need_id

    def case(self, now: datetime, retry_after: Mapping[Urgency, timedelta]) -> Case:
        """The need as the eligibility rules take it. `retry_after` is that of `Limits`."""
        return Case(self.need, self.tried, now, retry_after[self.need.urgency])


def precedence(waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits, net: Net = fit) -> Precedence:
    """Sorts the need that this service must serve first to the front. See `precedence.py`."""
    need = waiter.need
    waited, patience = now - waiter.since, limits.patience[need.urgency]
    if order.out_of_patience(waited, patience):
        return order.precedence(need, waited, patience, 0.0)
    return order.precedence(need, waited, patience, net(need, entry), waiter.options)


def patience_over(waiter: Waiter, now: datetime, limits: Limits) -> bool:
    """Whether the need has waited as long as it should at most."""
    return order.out_of_patience(now - waiter.since, limits.patience[waiter.need.urgency])


def would_rather_wait(waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits, charges: Charges) -> bool:
    """Whether the need leaves a free place to later needs, for which the place is worth more.

    A normal need does so where places are used up, until half of its patience is over. Not where places return: a place
    that stands empty in the meantime is lost, which costs more than it brings.
    """
    need = waiter.need
    if entry.id not in charges.used_up or need.urgency is not Urgency.NORMAL:
        return False
    return 2 * (now - waiter.since) < limits.patience[need.urgency] and charges.net(need, entry) < 0


def options_of(funnel: Sequence[FunnelStep]) -> int:
    """How many services could take a need if they had a place, by the funnel of its last choice."""
    return next((step.left for step in funnel if step.rule is Rule.RULED_OUT), 0)


class QueuedNeed(NamedTuple):
    """A need in the queue of a service. Sorts the first to be served first."""

    precedence: Precedence
    waiter: Waiter


@dataclass(frozen=True, slots=True)
class _Queue:
    """The queue of one service, ranked as of `now`."""

    entry: DirectoryEntry
    now: datetime
    limits: Limits
    needs: list[QueuedNeed]


class WaitingQueues:
    """The queue of each service, first to be served first. Needs that would rather wait on than pay are not in it.

    `takes` says whether a service can take a need.

    A queue is built when it is first used, as of that moment, and kept up to date for the rest of the batch: with
    thousands waiting, ranking all of them again for each decision would take milliseconds.
    """

    def __init__(
        self,
        waiters: Iterable[Waiter] = (),
        charges: Charges = FREE,
        takes: Callable[[Case, DirectoryEntry], bool] = fits,
    ) -> None:
        self._charges, self._net, self._takes = charges, charges.net, takes
        self._wait_numbers: dict[str, set[int]] = {}
        self._waiters: dict[str, Waiter] = {}
        self._by_category: dict[Category, dict[str, Waiter]] = {}
        self._queues: dict[str, _Queue] = {}
        for waiter in waiters:
            self.add(waiter)

    def __len__(self) -> int:
        """How many needs wait."""
        return len(self._waiters)

    def wait_numbers(self, need: str) -> set[int]:
        """The waits of a need that have a row."""
        return set(self._wait_numbers.get(need, ()))

    def queue_of(self, entry: DirectoryEntry, now: datetime, limits: Limits) -> list[QueuedNeed]:
        """The waiting needs that this service can take, in order."""
        return self._queue(entry, now, limits).needs

    def ahead_of(self, waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits) -> list[Waiter]:
        """The waiting needs that this service must serve before this one, whether or not it is in the queue itself."""
        queue = self._queue(entry, now, limits)
        if not queue.needs:
            return []
        position = bisect_left(queue.needs, (precedence(waiter, entry, queue.now, limits, self._net),))
        return [each for _, each in queue.needs[:position] if each.id != waiter.id]

    def add(self, waiter: Waiter) -> None:
        """The need waits. Only its latest wait counts, in whichever order they are added."""
        self._wait_numbers.setdefault(waiter.id, set()).add(waiter.wait_number)
        old = self._waiters.get(waiter.id)
        if old is not None and old.wait_number >= waiter.wait_number:
            return
        self._leave(old)
        self._waiters[waiter.id] = waiter
        self._by_category.setdefault(waiter.need.category, {})[waiter.id] = waiter
        for queue in self._queues.values():
            if self._joins(waiter, queue.entry, queue.now, queue.limits):
                rank = precedence(waiter, queue.entry, queue.now, queue.limits, self._net)
                insort(queue.needs, QueuedNeed(rank, waiter))

    def remove(self, need: str, wait_number: int) -> None:
        """This wait of the need is over."""
        self._wait_numbers.get(need, set()).discard(wait_number)
        old = self._waiters.get(need)
        if old is not None and old.wait_number == wait_number:
            self._leave(old)

    def _queue(self, entry: DirectoryEntry, now: datetime, limits: Limits) -> _Queue:
        known = self._queues.get(entry.id)
        if known is None or known.entry is not entry:
            needs = [
                QueuedNeed(precedence(waiter, entry, now, limits, self._net), waiter)
                for category in set(entry.service.categories)
                for waiter in self._by_category.get(category, {}).values()
                if self._joins(waiter, entry, now, limits)
            ]
            known = self._queues[entry.id] = _Queue(entry, now, limits, sorted(needs))
        return known

    def _joins(self, waiter: Waiter, entry: DirectoryEntry, now: datetime, limits: Limits) -> bool:
        able = self._takes(waiter.case(now, limits.retry_after), entry)
        return able and not would_rather_wait(waiter, entry, now, limits, self._charges)

    def _leave(self, old: Waiter | None) -> None:
        if old is not None:
            del self._waiters[old.id]
            del self._by_category[old.need.category][old.id]
            for queue in self._queues.values():
                queue.needs[:] = [each for each in queue.needs if each.waiter is not old]


def row_id(need: str, wait_number: int) -> str:
    """The row of one wait of a need."""
    return f"{need}:{wait_number}"


def wait_of(row: str) -> tuple[str, int]:
    """The need id and wait number of a row, the inverse of `row_id`."""
    need, _, wait_number = row.rpartition(":")
    return need, int(wait_number)


def row(waiter: Waiter) -> dict[str, Any]:
    """The content of the row."""
    return {
        "need": waiter.id,
        "referral": waiter.need.referral_id,
        "category": waiter.need.category.value,
        "turn": waiter.wait_number,
        "since": waiter.since.isoformat(),
        "options": waiter.options,
        "accepted": waiter.need.model_dump_json(),
        "tried": [each.model_dump_json() for each in waiter.tried],
    }


def read(doc: Mapping[str, Any]) -> Waiter:
    """The inverse of `row`."""
    return Waiter(
        need=_need(doc["accepted"]),
        tried=tuple(AttemptEnded.read(each) for each in doc["tried"]),
        since=datetime.fromisoformat(doc["since"]),
        wait_number=doc["turn"],
        options=doc.get("options"),  # rows written before options were counted have none
    )


@lru_cache(maxsize=20_000)
def _need(text: str) -> NeedRegistered:
    """Parsed once: each batch loads the same rows again, and the model is frozen."""
    return NeedRegistered.read(text)
