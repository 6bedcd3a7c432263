"""Makes a price set from time to time of what was written down (`experience`), and keeps the one in force.

Every instance runs one. Of a time there is one set, whoever makes it: it is a row with the time as its id, and what
stands there is published. A matcher goes by what it reads on the compacted topic; where nothing comes any more, all
places cost nothing, and nobody is thought to accept more than another.
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog

from contracts.matching import PriceSet
from services.chassis.errors import HandlingError, where
from services.chassis.ports import Claims, Row

from ..capacity import places
from ..capacity.places import Places
from ..directory.directory import Directory
from ..pricing import observations
from ..pricing.current_prices import KEY, STALE, TABLE
from ..pricing.learning import build_price_set
from ..pricing.observations import ANSWERS, ASKED, KEPT, STAYS

logger = structlog.get_logger()

_HINT = (
    "a fault of ours: please report it; until prices can be made again, places cost what they did before, and nothing "
    f"after {STALE} intervals; needs are matched as ever"
)
_PURGED = 7
"""Days behind `KEPT` that are looked at: what an outage of a week left is thrown away too."""


class Pricer:
    """`look` is to be called from time to time, and what it returns to be published."""

    def __init__(self, directory: Directory, claims: Claims, interval: timedelta) -> None:
        self._directory, self._claims, self._interval = directory, claims, interval
        self._said: datetime | None = None
        self._days: dict[str, dict[date, list[dict[str, Any]]]] = {table: {} for table in observations.TABLES}

    async def look(self, now: datetime) -> list[tuple[PriceSet, str]]:
        """The set as of the interval that has begun last, once in this process's life. Raises `TransientError`.

        What goes wrong in making it is logged, and tried again when the next interval begins.
        """
        as_of = now - (now - datetime.min.replace(tzinfo=UTC)) % self._interval
        if self._said is not None and as_of <= self._said:
            return []
        found = await self._claims.find(TABLE, "_id", [as_of.isoformat()])
        if found:
            made = PriceSet.read(found[as_of.isoformat()]["set"])
        else:
            try:
                made = await self._make(as_of)
            except HandlingError:  # of a server, or one that the process has to end for
                raise
            except Exception as error:  # noqa: BLE001  # matching goes on without prices, and must not end for want of them
                fault = f"{type(error).__name__} at {where(error)}"
                logger.error("prices_not_made", reason=fault, hint=_HINT)
                self._said = as_of
                return []
            row = Row(TABLE, made.id, {"day": as_of.date().isoformat(), "set": made.model_dump_json()})
            if await self._claims.take([row]):
                return []  # another's stands there: it is looked at again
            await self._purge(as_of.date())
        self._said = as_of
        return [(made, KEY)]

    async def _make(self, as_of: datetime) -> PriceSet:
        needs = observations.needs_of(await self._read(ASKED, as_of))
        answers = observations.answers_of(await self._read(ANSWERS, as_of))
        stays = observations.stays_of(await self._read(STAYS, as_of))
        taken = Places(await self._claims.all(places.TABLE))
        entries = list(self._directory.entries())
        return await asyncio.to_thread(build_price_set, needs, answers, stays, entries, taken, as_of)

    async def _read(self, table: str, as_of: datetime) -> list[dict[str, Any]]:
        """What is within `KEPT`. What has been read of a day that is over is remembered, save of the day before."""
        last = as_of.date()
        wanted = [last - timedelta(days=back) for back in range(KEPT.days)]
        known = self._days[table]
        for day in wanted:
            if day not in known or day >= last - timedelta(days=1) or table == STAYS:
                known[day] = list((await self._claims.find(table, "day", [day.isoformat()])).values())
        self._days[table] = {day: known[day] for day in wanted}
        return [row for day in wanted for row in known[day]]

    async def _purge(self, today: date) -> None:
        old = [(today - KEPT - timedelta(days=back)).isoformat() for back in range(1, 1 + _PURGED)]
        for table in (*observations.TABLES, TABLE):
            rows = await self._claims.find(table, "day", old)
            if rows:
                await self._claims.drop([Row(table, id_) for id_ in rows])
