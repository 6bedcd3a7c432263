"""Repeats what a lost message missed, and doubts rows: level-triggered, like a Kubernetes controller.

It changes nothing itself. It tells needs to look again; their streams decide, in journaled order.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.base import Message
from contracts.matching import PlaceDoubtful, WaitingRecalled
from services.chassis.ports import Claims

from . import places, ranking, waiting
from .directory import Directory
from .eligibility import funnel
from .limits import Limits
from .places import Places
from .waiting import Waiter, precedence

Addressed = tuple[Message, str]
"""An event for matching's own inbox, and its record key."""


class Sweep:
    """Looks at all rows; `look` is to be called from time to time, and what it returns to be published."""

    def __init__(self, directory: Directory, claims: Claims, limits: Limits, doubts: int = 100) -> None:
        self._directory, self._claims, self._limits, self._doubts = directory, claims, limits, doubts
        self._reached = ""

    async def look(self, now: datetime) -> list[Addressed]:
        """What is to be published now. Raises `Transient`."""
        rows = await self._claims.all(places.TABLE)
        waiters = [waiting.read(doc) for doc in (await self._claims.all(waiting.TABLE)).values()]
        doubted = after(rows, self._reached, self._doubts)
        self._reached = doubted[-1] if doubted else ""
        return recalls(waiters, Places(rows), self._directory, now, self._limits) + [
            (doubt(row, rows[row]), rows[row]["referral"]) for row in doubted
        ]


def recalls(
    waiters: Iterable[Waiter], held: Places, directory: Directory, now: datetime, limits: Limits
) -> list[Addressed]:
    """Recall who could have a place: first in line first, and no more for a service than it has places free."""
    spent: dict[str, int] = {}
    found: list[Addressed] = []
    for waiter in sorted(waiters, key=lambda each: precedence(each, now, limits.patience)):
        need = waiter.need
        eligible, _ = funnel(waiter.case(now, limits.retry_after), directory.of(need.category))
        offers = [(entry, held.free(entry, need.need_id, "") - spent.get(entry.id, 0)) for entry in eligible]
        best = ranking.rank(need, (each for each in offers if each[1] > 0))
        if best:
            spent[best[0].entry.id] = spent.get(best[0].entry.id, 0) + 1
            found.append((WaitingRecalled(referral_id=need.referral_id, need_id=need.need_id), need.referral_id))
    return found


def after(rows: Mapping[str, Any], reached: str, most: int) -> list[str]:
    """The next `most` rows in order of id, so that each sweep doubts others until all have had their turn."""
    return sorted(row for row in rows if row > reached)[:most]


def doubt(row: str, doc: Mapping[str, Any]) -> PlaceDoubtful:
    """Ask the need that a row names whether it is still its place."""
    return PlaceDoubtful(referral_id=doc["referral"], need_id=doc["need"], row=row, match_id=doc["match"])
