"""What happens to a referral when someone passes into another age band."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts import topics
from contracts.intake import NeedRegistered, ReferralStored
from contracts.profiles import HouseholdMember
from contracts.words import AgeBand
from services.chassis.decider import Effect, Emit, SetTimer
from services.intake.domain.ages import BIRTHDAY, HORIZON, LOOK, BirthDates, look_again_on
from services.intake.domain.context import IntakeContext
from services.intake.domain.policy import IntakePolicy
from tests.support.builders import REFERRAL, elapsed, minimum
from tests.support.clock import START
from tests.support.intake_world import corrected, received, requested, withdrawal
from tests.support.stream import Stream, emitted

EIGHTEEN = date(2026, 4, 17)
BORN = date(2008, 4, 17)
MIDNIGHT = datetime(2026, 4, 16, 21, tzinfo=UTC)
"""In Minsk, where it is the birthday."""
APRIL = date(2026, 4, 1)
LOOK_AT = datetime(2026, 3, 31, tzinfo=UTC)


def known(*needs: Any, **changes: Any) -> Stream:
    """A stored referral of a person of 17 who turns 18 in April."""
    stream = Stream("intake", IntakePolicy(), REFERRAL)
    stream.handle(
        received(*(needs or [requested()]), **{"person": minimum(age_band="12-17"), "look_again_on": APRIL, **changes})
    )
    return stream


def context(**birth_dates: date) -> IntakeContext:
    return IntakeContext({}, birth_dates={REFERRAL: BirthDates(ZoneInfo("Europe/Minsk"), birth_dates)})  # type: ignore[arg-type]  # no provider has a key here


def timers(effects: Sequence[Effect]) -> list[tuple[str, datetime]]:
    return [(each.name, each.due_at) for each in effects if isinstance(each, SetTimer)]


def fire(stream: Stream, name: str, due_at: datetime, now: datetime | None = None, **born: date) -> Sequence[Effect]:
    born = born or {"person": BORN}
    return stream.handle(elapsed(name, due_at, REFERRAL), now=now or due_at, context=context(**born))


def test_the_month_is_looked_at_first_and_then_the_day() -> None:
    stream = Stream("intake", IntakePolicy(), REFERRAL)
    assert timers(stream.handle(received(look_again_on=APRIL))) == [(LOOK, LOOK_AT)]
    effects = fire(known(), LOOK, LOOK_AT)
    assert effects == [SetTimer(BIRTHDAY, MIDNIGHT)], "nothing has changed yet, so nothing is journaled"


def test_on_the_birthday_the_needs_are_registered_again_with_the_new_band() -> None:
    stream = known(requested("bed"), requested("school"))
    effects = fire(stream, BIRTHDAY, MIDNIGHT)
    needs = emitted(effects, NeedRegistered)
    assert [(each.need, each.revision, each.person.age_band) for each in needs] == [
        ("bed", 1, AgeBand.ADULT),
        ("school", 1, AgeBand.ADULT),
    ]
    assert all(each.requested_at == START for each in needs), "a birthday costs no place in the queue"
    assert [each.topic for each in effects if isinstance(each, Emit) and isinstance(each.event, NeedRegistered)] == [
        topics.INTAKE,
        topics.INTAKE,
    ]
    [stored] = emitted(effects, ReferralStored)
    assert stored.person.age_band is AgeBand.ADULT
    assert stream.folded() == stream.state
    assert fire(stream, BIRTHDAY, MIDNIGHT, now=MIDNIGHT + timedelta(days=1)) == [], "once"


def test_a_second_before_midnight_of_the_region_nothing_changes() -> None:
    early = MIDNIGHT - timedelta(seconds=1)
    assert emitted(fire(known(), LOOK, LOOK_AT, now=early), NeedRegistered) == []
    assert len(emitted(fire(known(), LOOK, LOOK_AT, now=MIDNIGHT), NeedRegistered)) == 1, "a late timer is made up for"


def test_a_member_of_the_household_passes_into_another_band() -> None:
    child = HouseholdMember(member="child", person=minimum(age_band="0-4", household_size=2))
    stream = known(
        requested("bed", together=True),
        requested("doctor", members=["child"]),
        requested("work"),
        person=minimum(age_band="18-59", household_size=2),
        household=[child],
    )
    effects = fire(stream, BIRTHDAY, MIDNIGHT, person=date(1990, 5, 5), child=date(2021, 4, 17))
    needs = {each.need: each for each in emitted(effects, NeedRegistered)}
    assert needs.keys() == {"bed", "doctor"}, "whom it does not concern is not published again"
    assert [each.age_band for each in needs["bed"].companions] == [AgeBand.CHILD]
    assert needs["doctor"].person.age_band is AgeBand.CHILD
    assert needs["bed"].person.age_band is AgeBand.ADULT


def test_with_an_age_band_only_nothing_moves() -> None:
    assert timers(known(look_again_on=None).handle(corrected(requested("other"), look_again_on=None))) == []
    stream = known()
    effects = stream.handle(elapsed(BIRTHDAY, MIDNIGHT, REFERRAL), now=MIDNIGHT, context=context())
    assert effects == []


def test_a_withdrawn_need_is_not_registered_again() -> None:
    stream = known(requested("bed"), requested("school"))
    stream.handle(withdrawal("bed"))
    assert [each.need for each in emitted(fire(stream, BIRTHDAY, MIDNIGHT), NeedRegistered)] == ["school"]


def test_a_correction_replaces_the_timer() -> None:
    stream = known()
    june = corrected(look_again_on=date(2026, 6, 1), person=minimum(age_band="12-17"))
    assert timers(stream.handle(june.model_copy(update={"household": [], "needs": [requested("bed2")]}))) == [
        (LOOK, datetime(2026, 5, 31, tzinfo=UTC))
    ]
    assert fire(stream, LOOK, LOOK_AT, person=date(2008, 6, 9)) == [], "that of the earlier version leads to nothing"
    assert len(fire(stream, LOOK, datetime(2026, 5, 31, tzinfo=UTC), person=date(2008, 6, 9))) == 1


def test_the_next_birthday_follows() -> None:
    child = HouseholdMember(member="child", person=minimum(age_band="5-11", household_size=2))
    stream = known(household=[child], person=minimum(age_band="12-17", household_size=2))
    effects = fire(stream, BIRTHDAY, MIDNIGHT, person=BORN, child=date(2014, 9, 3))
    assert timers(effects) == [(LOOK, datetime(2026, 8, 31, tzinfo=UTC))]


@pytest.mark.parametrize(
    ("born", "today", "month"),
    [
        (date(2008, 4, 17), date(2026, 3, 1), APRIL),
        (date(2008, 4, 17), date(2026, 4, 16), APRIL),
        (date(2008, 4, 17), date(2026, 4, 17), None),  # 60 is far
        (date(1990, 4, 17), date(2026, 3, 1), None),
        (date(1966, 12, 31), date(2026, 3, 1), date(2026, 12, 1)),
        (date(1950, 1, 1), date(2026, 3, 1), None),
        (date(2008, 2, 29), date(2026, 2, 28), date(2026, 3, 1)),
    ],
)
def test_the_month_of_the_next_band(born: date, today: date, month: date | None) -> None:
    assert look_again_on([born], today) == month
    assert look_again_on([date(1950, 1, 1), born], today) == month
    assert month is None or month <= today + HORIZON
