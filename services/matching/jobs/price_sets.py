"""Makes a price set at regular intervals, from the rows of `observations`.

Every instance runs this job. Each interval has one set, whoever makes it: it is a row with the time as its id, and the
content of that row is published. Matchers use what they read on the compacted topic; where no sets arrive any more, all
places cost nothing.
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog

from contracts.matching import PriceSet
from services.chassis.errors import HandlingError, where
from services.chassis.ports import Claims, Row

from ..directory.directory import Directory
from ..place_table import PlaceTable
from ..pricing import observations
from ..pricing.build import build_price_set
from ..pricing.current_prices import KEY, STALE, TABLE
from ..pricing.observations import ASKED, KEPT, STAYS

logger = structlog.get_logger()

_HINT = (
    "this is a bug in matching, please report it; needs are still matched: with the last prices "
    f"for {STALE} intervals, and then without prices until a price set can be made again"
)
_PURGED = 7
"""Days before `KEPT` that are purged: enough to catch up after an outage of a week."""


class Pricer:
    """Makes the price set of each interval. Call `due_price_set` regularly and publish what it returns."""

    def __init__(self, directory: Directory, claims: Claims, interval: timedelta) -> None:
        self._directory, self._claims, self._interval = directory, claims, interval
        self._place_table = PlaceTable(claims)
        self._last: datetime | None = None
        self._days: dict[str, dict[date, list[dict[str, Any]]]] = {table: {} for table in observations.TABLES}

    async def due_price_set(self, now: datetime) -> list[tuple[PriceSet, str]]:
        """The set of the interval that began last, with its record key; once per interval in this process's life.

        Raises `TransientError`. Any other failure is logged, and tried again when the next interval begins.
        """
        as_of = now - (now - datetime.min.replace(tzinfo=UTC)) % self._interval
        if as_of == self._last:  # not "or earlier": a clock may have been ahead for a while
            return []
        rows = await self._claims.find(TABLE, "_id", [as_of.isoformat()])
        if rows:
            price_set = PriceSet.read(rows[as_of.isoformat()]["set"])
        else:
            try:
                price_set = await self._make(as_of)
            except HandlingError:  # a server fails, or the process must end
                raise
            except Exception as error:  # noqa: BLE001  # matching works without prices, and must not end for want of them
                fault = f"{type(error).__name__} at {where(error)}"
                logger.error("prices_not_made", reason=fault, hint=_HINT)
                self._last = as_of
                return []
            row = Row(TABLE, price_set.id, {"day": as_of.date().isoformat(), "set": price_set.model_dump_json()})
            if await self._claims.take([row]):
                return []  # another instance was faster: its set is read next time
            await self._purge(as_of.date())
        self._last = as_of
        return [(price_set, KEY)]

    async def _make(self, as_of: datetime) -> PriceSet:
        needs = observations.needs_of(await self._read(ASKED, as_of))
        stays = observations.stays_of(await self._read(STAYS, as_of))
        entries = list(self._directory.entries())
        taken = await self._place_table.load(entries)
        return await asyncio.to_thread(build_price_set, needs, stays, entries, taken, as_of)

    async def _read(self, table: str, as_of: datetime) -> list[dict[str, Any]]:
        """The rows within `KEPT`. Rows of past days are remembered, except those of yesterday and all stays."""
        last = as_of.date()
        days = [last - timedelta(days=back) for back in range(KEPT.days)]
        known = self._days[table]
        for day in days:
            if day not in known or day >= last - timedelta(days=1) or table == STAYS:
                known[day] = list((await self._claims.find(table, "day", [day.isoformat()])).values())
        self._days[table] = {day: known[day] for day in days}
        return [row for day in days for row in known[day]]

    async def _purge(self, today: date) -> None:
        old = [(today - KEPT - timedelta(days=back)).isoformat() for back in range(1, 1 + _PURGED)]
        for table in (*observations.TABLES, TABLE):
            rows = await self._claims.find(table, "day", old)
            if rows:
                await self._claims.drop([Row(table, id_) for id_ in rows])
