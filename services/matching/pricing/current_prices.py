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


class CurrentPrices:
    """The latest price set on the topic; `interval` is the time between two sets."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval
        self._latest: PriceSet | None = None

    def apply(self, record: Record) -> None:
        """Apply one record. A set that is older than the latest, or that cannot be read, changes nothing."""
        try:
            event = decode(record.headers, record.value or b"", record.appended)
            price_set = PriceSet.read(event.data)
        except (MalformedError, ValidationError):
            return
        if self._latest is None or price_set.as_of >= self._latest.as_of:
            self._latest = price_set

    def at(self, now: datetime) -> PriceSet | None:
        """The set in force; None where there is none, or where the latest is stale."""
        latest = self._latest
        return latest if latest is not None and now - latest.as_of < STALE * self._interval else None
