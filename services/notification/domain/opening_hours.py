"""Time that counts only while a service is open."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.schedule import Schedule, Weekday

_DAYS = list(Weekday)
_LONGEST = timedelta(days=366)
"""What closed hours can add at most: a service that hardly opens still has to answer."""


def after(start: datetime, open_time: timedelta, schedule: Schedule | None) -> datetime:
    """The first moment by which the service has been open for `open_time` since `start`; without one, always open."""
    if schedule is None:
        return start + open_time
    start = start.astimezone(UTC)  # arithmetic of local times goes by the wall, also where its clocks jump
    latest, left = start + open_time + _LONGEST, open_time
    if not left:
        return start
    for opens, closes in _openings(schedule, start):
        begins = max(opens, start)
        if begins >= latest:
            break
        if begins + left <= closes:
            return min(begins + left, latest)
        left -= max(closes - begins, timedelta(0))
    return latest


def _openings(schedule: Schedule, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From when until when it is open, in UTC, in order, none overlapping; from before `start` on, without end."""
    zone, closed = ZoneInfo(schedule.timezone), frozenset(schedule.closed_on)
    day = start.astimezone(zone).date() - timedelta(days=2)  # a night that began earlier may not have ended
    until = datetime.min.replace(tzinfo=UTC)
    while True:
        if day not in closed:
            for opens, closes in _of_day(schedule, day, zone):
                if closes > (begins := max(opens, until)):
                    yield begins, closes
                    until = closes
        day += timedelta(days=1)


def _of_day(schedule: Schedule, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    weekday, found = _DAYS[day.weekday()], []
    for opening in schedule.openings:
        if weekday in opening.days:
            last = day + timedelta(days=opening.closes_at <= opening.opens_at)
            found.append((_utc(day, opening.opens_at, zone), _utc(last, opening.closes_at, zone)))
    return sorted(found)


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Where a time comes twice, the first; where it is left out, as if the clocks had not been changed yet."""
    return datetime.combine(day, at, zone).astimezone(UTC)
