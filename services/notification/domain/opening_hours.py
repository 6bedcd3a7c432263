"""Deadlines that count only the time in which a service is open."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.schedule import Schedule, Weekday

_DAYS = list(Weekday)
_LONGEST_CLOSURE = timedelta(days=366)
"""The most that closed hours can add: a service that hardly ever opens must still answer."""


def add_open_time(start: datetime, open_time: timedelta, schedule: Schedule | None) -> datetime:
    """The first moment at which the service has been open for `open_time` since `start`. No schedule: always open."""
    if schedule is None:
        return start + open_time
    start = start.astimezone(UTC)  # sums of local times would ignore changes to and from daylight saving time
    latest, left = start + open_time + _LONGEST_CLOSURE, open_time
    if not left:
        return start
    for opens, closes in _open_intervals(schedule, start):
        begins = max(opens, start)
        if begins >= latest:
            break
        if begins + left <= closes:
            return min(begins + left, latest)
        left -= max(closes - begins, timedelta(0))
    return latest


def _open_intervals(schedule: Schedule, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When the service opens and closes, in UTC: in order, without overlaps, from shortly before `start`, endlessly."""
    zone, closed = ZoneInfo(schedule.timezone), frozenset(schedule.closed_on)
    day = start.astimezone(zone).date() - timedelta(days=2)  # an opening of an earlier day may last past midnight
    until = datetime.min.replace(tzinfo=UTC)
    while True:
        if day not in closed:
            for opens, closes in _intervals_of_day(schedule, day, zone):
                if closes > (begins := max(opens, until)):
                    yield begins, closes
                    until = closes
        day += timedelta(days=1)


def _intervals_of_day(schedule: Schedule, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The openings that begin on this day, in UTC. One that closes no later than it opens lasts into the next day."""
    weekday = _DAYS[day.weekday()]
    intervals = []
    for opening in schedule.openings:
        if weekday in opening.days:
            last = day + timedelta(days=opening.closes_at <= opening.opens_at)
            intervals.append((_utc(day, opening.opens_at, zone), _utc(last, opening.closes_at, zone)))
    return sorted(intervals)


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A local time in UTC. A time that occurs twice is the first; one that is skipped counts as before the change."""
    return datetime.combine(day, at, zone).astimezone(UTC)
