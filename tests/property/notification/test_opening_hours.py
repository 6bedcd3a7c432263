"""Time that counts only while a service is open, for any opening hours and zone, across daylight saving changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.schedule import Opening, Schedule, Weekday
from services.notification.domain.opening_hours import add_open_time

ZONES = ["Europe/Minsk", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
TIMES_OF_DAY = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)
DURATIONS = st.timedeltas(timedelta(minutes=1), timedelta(days=4)).map(lambda each: timedelta(minutes=each // MINUTE))
MINUTE = timedelta(minutes=1)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    days = st.lists(st.sampled_from(Weekday), min_size=1, max_size=7, unique=True)
    openings = draw(
        st.lists(st.builds(Opening, days=days, opens_at=TIMES_OF_DAY, closes_at=TIMES_OF_DAY), min_size=1, max_size=4)
    )
    closed = draw(st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=10))
    return Schedule(timezone=draw(st.sampled_from(ZONES)), openings=openings, closed_on=closed)


def is_open(schedule: Schedule, at: datetime) -> bool:
    """By the local time of one minute: independent of how `add_open_time` computes it."""
    zone = ZoneInfo(schedule.timezone)
    for back in (0, 1):
        day = at.astimezone(zone).date() - timedelta(days=back)
        for each in schedule.openings:
            if list(Weekday)[day.weekday()] in each.days and day not in schedule.closed_on:
                last = day + timedelta(days=each.closes_at <= each.opens_at)
                opens = datetime.combine(day, each.opens_at, zone).astimezone(UTC)
                if opens <= at < datetime.combine(last, each.closes_at, zone).astimezone(UTC):
                    return True
    return False


@settings(max_examples=60, deadline=None)
@given(schedules(), STARTS, DURATIONS)
def test_all_open_minutes_count_and_no_others(schedule: Schedule, start: datetime, duration: timedelta) -> None:
    start = start.replace(second=0)
    end = add_open_time(start, duration, schedule)
    minutes = (end - start) // MINUTE
    if minutes > 40_000:  # a service that hardly opens: too many minutes to count
        return
    counted = sum(is_open(schedule, start + n * MINUTE) for n in range(minutes))
    assert counted * MINUTE == duration
    assert is_open(schedule, end - MINUTE), "the deadline falls into an open time"


@settings(max_examples=300, deadline=None)
@given(schedules(), STARTS, DURATIONS)
def test_closed_hours_add_time_but_at_most_a_year(schedule: Schedule, start: datetime, duration: timedelta) -> None:
    end = add_open_time(start, duration, schedule)
    assert start + duration == add_open_time(start, duration, None)
    assert start + duration <= end <= start + duration + timedelta(days=366)


@settings(max_examples=300, deadline=None)
@given(schedules(), STARTS, DURATIONS, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_a_later_start_or_more_time_is_never_due_earlier(
    schedule: Schedule, start: datetime, duration: timedelta, more: timedelta
) -> None:
    end = add_open_time(start, duration, schedule)
    assert add_open_time(start + more, duration, schedule) >= end
    assert add_open_time(start, duration + more, schedule) >= end


@settings(max_examples=200, deadline=None)
@given(schedules(), STARTS, DURATIONS, st.sampled_from(ZONES))
def test_the_zone_of_the_start_does_not_matter(
    schedule: Schedule, start: datetime, duration: timedelta, zone: str
) -> None:
    assert add_open_time(start.astimezone(ZoneInfo(zone)), duration, schedule) == add_open_time(
        start, duration, schedule
    )


@settings(max_examples=100, deadline=None)
@given(STARTS, DURATIONS, st.sampled_from(ZONES))
def test_a_service_that_never_closes_counts_around_the_clock(start: datetime, duration: timedelta, zone: str) -> None:
    always = Opening(days=list(Weekday), opens_at=time(0), closes_at=time(0))
    assert add_open_time(start, duration, Schedule(timezone=zone, openings=[always])) == start + duration
