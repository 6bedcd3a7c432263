"""The next age band comes on the day on which the age band changes, in every zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.household_rules import next_band_on
from contracts.intake import NeedRegistered, ReferralReceived
from contracts.profiles import HouseholdMember, Region
from contracts.words import AgeBand
from contracts.zones import local_day, zone_of
from services.chassis.decider import SetTimer
from services.intake.domain.ages import BirthDates, look_again_on
from services.intake.domain.context import IntakeContext
from services.intake.domain.policy import IntakePolicy
from tests.support.builders import REFERRAL, elapsed, minimum
from tests.support.intake_world import received, requested
from tests.support.stream import Stream, emitted

BIRTH_DATES = st.one_of(st.dates(date(1900, 1, 1), date(2026, 3, 1)), st.just(date(2008, 2, 29)))
REGIONS = st.sampled_from(["BY-BR", "US-HI", "US-CA", "NZ-AUK", "KI-L", "AU-SA", "NP", "RU-KAM", "PT-20", "ZZ"])


@given(BIRTH_DATES, st.dates(date(2026, 3, 1), date(2060, 1, 1)))
def test_the_band_is_the_same_until_the_day_before_the_next_and_another_on_it(born: date, day: date) -> None:
    band, change = AgeBand.for_birth_date(born, day), next_band_on(born, day)
    if change is None:
        assert band is AgeBand.OLDER
        return
    assert AgeBand.for_birth_date(born, change - timedelta(days=1)) is band
    assert AgeBand.for_birth_date(born, change) is not band
    assert change > day


@given(
    st.lists(st.dates(date(1960, 1, 1), date(2025, 12, 31)), min_size=1, max_size=4),
    REGIONS,
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
)
def test_whoever_passes_into_another_band_within_a_year_is_published_at_that_midnight(
    born: list[date], region: str, received_at: datetime
) -> None:
    """The timers alone, each fired when it is due, publish every change on its day and no other."""
    birth_dates = {"person" if not number else f"m{number}": each for number, each in enumerate(born)}
    stream = Stream("intake", IntakePolicy(), REFERRAL)
    pending = timers(stream.handle(submitted(birth_dates, region, received_at), now=received_at))
    context = IntakeContext({}, birth_dates={REFERRAL: BirthDates(zone_of(region), birth_dates)})  # type: ignore[arg-type]
    published: list[tuple[date, tuple[AgeBand, ...]]] = []
    end = received_at + timedelta(days=366)
    for serial in range(40):
        due = [each for each in pending if each.due_at <= end]
        if not due:
            break
        timer = min(due, key=lambda each: each.due_at)
        pending.remove(timer)
        now = max(timer.due_at, received_at)
        event = elapsed(timer.name, timer.due_at, REFERRAL)
        effects = stream.handle(event, id=str(serial), now=now, context=context)
        pending += timers(effects)
        published += [(local_day(region, now), bands(each)) for each in emitted(effects, NeedRegistered)]
    first, last = local_day(region, received_at), local_day(region, end)
    days = sorted(
        {first + timedelta(days=n) for n in range(1, (last - first).days + 1)}
        & {change for each in born if (change := next_band_on(each, first)) is not None}
    )
    expected = [(day, tuple(AgeBand.for_birth_date(each, day) for each in born)) for day in days]
    assert published[: len(expected)] == expected
    assert stream.folded() == stream.state


def bands(need: NeedRegistered) -> tuple[AgeBand, ...]:
    return tuple(each.age_band for each in need.people)


def timers(effects: Any) -> list[SetTimer]:
    return [each for each in effects if isinstance(each, SetTimer)]


def submitted(birth_dates: dict[str, date], region: str, at: datetime) -> ReferralReceived:
    today = local_day(region, at)
    size = len(birth_dates)
    profiles: dict[str, Any] = {
        label: minimum(age_band=AgeBand.for_birth_date(born, today), household_size=size)
        for label, born in birth_dates.items()
    }
    person = profiles.pop("person")
    return received(
        requested(together=size > 1),
        person=person,
        household=[HouseholdMember(member=label, person=profile) for label, profile in profiles.items()],
        region=Region(admin1=region),
        received_at=at,
        look_again_on=look_again_on(birth_dates.values(), today),
    )
