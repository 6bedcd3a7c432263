"""Opening hours: the parts of an HSDS schedule that deadlines need (HSDS 3.0, ``byday`` of RRULE)."""

from datetime import time
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from .base import Value
from .formats import Day, TimeOfDay, Within


class Weekday(StrEnum):
    """Weekdays as RRULE names them (RFC 5545), in the order of `date.weekday`."""

    MONDAY = "MO"
    TUESDAY = "TU"
    WEDNESDAY = "WE"
    THURSDAY = "TH"
    FRIDAY = "FR"
    SATURDAY = "SA"
    SUNDAY = "SU"


class Opening(Value):
    """Open on these days from `opens_at` to `closes_at`, local time in the schedule's time zone.

    If `closes_at` is not after `opens_at`, it is on the next day: 22:00 to 06:00 is a night, 00:00 to 00:00 a whole
    day.
    """

    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    opens_at: TimeOfDay
    closes_at: TimeOfDay

    @field_validator("opens_at", "closes_at")
    @classmethod
    def _is_local(cls, value: time) -> time:
        if value.tzinfo is not None or value.microsecond:
            raise ValueError("must be hours and minutes such as 09:30; their zone is the schedule's timezone")
        return value


class Schedule(Value):
    """Opening hours. `timezone` is an IANA name. On the days in `closed_on` (holidays) the service does not open."""

    timezone: Annotated[str, Field(max_length=64)]
    openings: Annotated[list[Opening], Field(min_length=1, max_length=28)]
    closed_on: Annotated[list[Annotated[Day, Within(years_before=50, years_after=50)]], Field(max_length=100)] = []

    @model_validator(mode="after")
    def _known_zone(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):  # unknown; not a name, such as a path; a folder
            raise ValueError("timezone must be an IANA name, such as Europe/Minsk") from None
        return self
