"""The price set in force, followed from its compacted topic."""

from datetime import datetime, timedelta

from pydantic import ValidationError

from contracts.cloudevents import MalformedError, decode
from contracts.matching import PriceSet
from services.chassis.ports import Record

TABLE = "price_sets"
"""A row for each set: ``{_id: <as_of>, day, set}``. Kept as long as decisions may have to be repeated."""
KEY = "prices"
"""The record key: the topic holds the set in force."""
STALE = 8
"""Intervals after which a set is no longer in force."""


_KEPT = 16
"""Sets that are remembered, those read last: more than instances with a wrong clock publish in an interval."""


class CurrentPrices:
    """The latest price sets on the topic; `interval` is the time between two sets."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval
        self._sets: dict[datetime, PriceSet] = {}
        """By when their interval begins, in the order of reading."""

    def apply(self, record: Record) -> None:
        """Apply one record. One that cannot be read changes nothing."""
        try:
            event = decode(record.headers, record.value or b"", record.appended)
            price_set = PriceSet.read(event.data)
        except (MalformedError, ValidationError):
            return
        self._sets.pop(price_set.as_of, None)
        self._sets[price_set.as_of] = price_set
        if len(self._sets) > _KEPT:
            del self._sets[next(iter(self._sets))]

    def at(self, now: datetime) -> PriceSet | None:
        """The set in force; None where there is none, or where the latest is stale.

        A set whose interval has not begun was made by a clock that is ahead. It replaces no set that has begun.
        """
        begun = max((each for each in self._sets if each <= now), default=None)
        return self._sets[begun] if begun is not None and now - begun < STALE * self._interval else None
