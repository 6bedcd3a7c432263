"""The price set in force, followed from its compacted topic."""

from datetime import datetime, timedelta

from pydantic import ValidationError

from contracts.cloudevents import MalformedError, decode
from contracts.matching import PriceSet
from services.chassis.ports import Record

TABLE = "price_sets"
"""A row for each set: ``{_id: <as_of>, day, set}``. Kept as long as decisions may have to be made again."""
KEY = "prices"
"""The record key: the topic holds the set in force."""
STALE = 8
"""Intervals after which a set is not in force any more."""


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
        except (MalformedError, ValidationError):
            return
        if self._latest is None or found.as_of >= self._latest.as_of:
            self._latest = found

    def at(self, now: datetime) -> PriceSet | None:
        """The set to go by."""
        latest = self._latest
        return latest if latest is not None and now - latest.as_of < STALE * self._interval else None
