"""Makes a price set from time to time of what was written down (`experience`), and keeps the one in force.

Every instance runs one. Of a time there is one set, whoever makes it: it is a row with the time as its id, and what
stands there is published. A matcher goes by what it reads on the compacted topic; where nothing comes any more, all
places cost nothing, and nobody is thought to accept more than another.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import structlog
from pydantic import ValidationError

from contracts.cloudevents import Malformed, decode
from contracts.matching import PriceSet
from services.chassis.errors import Failure, where
from services.chassis.ports import Claims, Record, Row

from . import experience, learning, places
from .directory import Directory
from .entry import Entry
from .experience import ANSWERS, ASKED, KEPT, STAYS, Answer, Stay
from .places import Places
from .pricing import Asked, Supply, price_set

logger = structlog.get_logger()

TABLE = "price_sets"
"""A row for each set: ``{_id: <as_of>, day, set}``. Kept as long as decisions may have to be made again."""
KEY = "prices"
"""The record key: the topic holds the set in force."""
STALE = 8
"""Intervals after which a set is not in force any more."""
_HINT = (
    "a fault of ours: please report it; until prices can be made again, places cost what they did before, and nothing "
    f"after {STALE} intervals; needs are matched as ever"
)
_PURGED = 7
"""Days behind `KEPT` that are looked at: what an outage of a week left is thrown away too."""


class Prices:
    """The set in force, followed from the topic."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval
        self._latest: PriceSet | None = None

    def apply(self, record: Record) -> None:
        """Take one record; an older set, or one that can't be read, changes nothing."""
        try:
            event = decode(record.headers, record.value or b"", record.appended)
            found = PriceSet.read(event.data)
        except (Malformed, ValidationError):
            return
        if self._latest is None or found.as_of >= self._latest.as_of:
            self._latest = found

    def at(self, now: datetime) -> PriceSet | None:
        """The set to go by."""
        latest = self._latest
        return latest if latest is not None and now - latest.as_of < STALE * self._interval else None


class Pricer:
    """`look` is to be called from time to time, and what it returns to be published."""

    def __init__(self, directory: Directory, claims: Claims, interval: timedelta) -> None:
        self._directory, self._claims, self._interval = directory, claims, interval
        self._said: datetime | None = None
        self._days: dict[str, dict[date, list[dict[str, Any]]]] = {table: {} for table in experience.TABLES}

    async def look(self, now: datetime) -> list[tuple[PriceSet, str]]:
        """The set as of the interval that has begun last, once in this process's life. Raises `Transient`.

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
            except Failure:  # of a server, or one that the process has to end for
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
        needs = experience.needs_of(await self._read(ASKED, as_of))
        answers = experience.answers_of(await self._read(ANSWERS, as_of))
        stays = experience.stays_of(await self._read(STAYS, as_of))
        taken = Places(await self._claims.all(places.TABLE))
        entries = list(self._directory.entries())
        return await asyncio.to_thread(reckon, needs, answers, stays, entries, taken, as_of)

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
        for table in (*experience.TABLES, TABLE):
            rows = await self._claims.find(table, "day", old)
            if rows:
                await self._claims.drop([Row(table, id_) for id_ in rows])


def reckon(
    needs: list[Asked],
    answers: list[Answer],
    stays: list[Stay],
    entries: Iterable[Entry],
    taken: Places,
    as_of: datetime,
) -> PriceSet:
    """The set as of a moment, all told. Needs and stays that came later do not count."""
    needs = [each for each in needs if each.at < as_of]
    lengths = learning.mean_stays(stays, as_of)
    supply = [_supply(entry, taken.free(entry), lengths.get(entry.id)) for entry in entries]
    since = min((each.at for each in needs), default=as_of)
    priced = price_set(as_of.isoformat(), needs, supply, since, as_of)
    accepted, otherwise = learning.acceptance(answers, as_of.date())
    learned = {"acceptance": accepted, "accepted_otherwise": otherwise, "answer_hours": learning.answer_hours(answers)}
    return priced.model_copy(update=learned)


def _supply(entry: Entry, free: int, stay: timedelta | None) -> Supply:
    until = entry.service.quota_until
    renewed = datetime.combine(until + timedelta(days=1), time(), UTC) if until else None
    return Supply(entry.id, entry.capacity, free, stay, renewed)
