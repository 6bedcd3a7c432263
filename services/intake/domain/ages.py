"""Age bands change with time: when to look at them again, and what follows when one has changed. Pure.

A moment at which a band changes is a birthday, and what is journaled stays readable after the person's key is
destroyed. So a journal learns the month at first (`LOOK`), and the day (`BIRTHDAY`) only within that month, when its
change is about to be published anyway. The birth dates come from the sealed person, at the moment of the decision.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple, Protocol, TypeGuard

from contracts import topics
from contracts.household_rules import PERSON, next_band_on
from contracts.intake import NeedRegistered, ReferralStored
from contracts.operations import TimerElapsed
from contracts.profiles import HouseholdMember, MinimalProfile, RequestedNeed
from contracts.words import AgeBand
from services.chassis.decider import Effect, Emit, SetTimer

from . import facts
from .household import people_served
from .state import Referral

LOOK, BIRTHDAY = "ages", "birthday"
"""Timers: the month has come in which a band changes; and the day."""

HORIZON = timedelta(days=400)
"""How far ahead it matters when a band changes. No need waits that long, and help that has begun is not taken back."""


class BirthDates(NamedTuple):
    """The birth dates of one household by label, and the time zone in which its days begin.

    The person's label is `PERSON`. Who has only an age band has no birth date, and nobody has after an erasure.
    """

    zone: tzinfo
    by_label: Mapping[str, date]


class KnownBirthDates(Protocol):
    """What was opened for a batch."""

    birth_dates: Mapping[str, BirthDates]
    """By referral: those whose ages are due."""


def look_again_on(birth_dates: Iterable[date], today: date) -> date | None:
    """The first day of the month in which the next band changes. None if that is too far ahead to matter."""
    change = _next_change(birth_dates, today)
    return None if change is None or change > today + HORIZON else change.replace(day=1)


def look_again(stored: ReferralStored) -> list[SetTimer]:
    """The timer for the month in which a band changes. It comes a day early, since days begin in the east."""
    month = stored.look_again_on
    return [] if month is None else [SetTimer(LOOK, _before(month))]


def is_about_ages(event: object) -> TypeGuard[TimerElapsed]:
    """Whether an event is one of the two timers."""
    return isinstance(event, TimerElapsed) and event.name in {LOOK, BIRTHDAY}


def on_timer(referral: Referral, elapsed: TimerElapsed, now: datetime, known: BirthDates) -> Sequence[Effect]:
    """Publish the needs again if a band has changed. If none has yet, set the timer for the day on which it will."""
    stored = referral.stored
    today = now.astimezone(known.zone).date()
    birth_dates = known.by_label.values()
    bands = {label: AgeBand.for_birth_date(born, today) for label, born in known.by_label.items()}
    person = _with_band(stored.person, bands.get(PERSON))
    household = [
        HouseholdMember(member=each.member, person=_with_band(each.person, bands.get(each.member)))
        for each in stored.household
    ]
    if (person, household) != (stored.person, stored.household):
        month = look_again_on(birth_dates, today)
        changes = {"person": person, "household": household, "look_again_on": month}
        changed = stored.model_copy(update=changes)
        return [Emit(changed), *_registered_again(referral, changed), *look_again(changed)]
    change = _next_change(birth_dates, today)
    is_current = stored.look_again_on is not None and elapsed.due_at == _before(stored.look_again_on)
    if change is None or not is_current:
        return []  # of an earlier version of the referral, or for a day that has been seen to
    midnight = datetime.combine(change, time(), known.zone)
    return [SetTimer(BIRTHDAY, midnight.astimezone(UTC))]


def _next_change(birth_dates: Iterable[date], today: date) -> date | None:
    changes = (next_band_on(born, today) for born in birth_dates)
    return min((change for change in changes if change is not None), default=None)


def _before(month: date) -> datetime:
    return datetime.combine(month, time(), UTC) - timedelta(days=1)


def _with_band(person: MinimalProfile, band: AgeBand | None) -> MinimalProfile:
    return person if band in (None, person.age_band) else person.model_copy(update={"age_band": band})


def _registered_again(referral: Referral, changed: ReferralStored) -> list[Effect]:
    """The open needs for which the change matters, each with the next revision."""
    requested = {need.need: need for need in changed.needs}
    needs = [
        (referral.needs.registered[label], _after_birthday(referral.needs.registered[label], requested[label], changed))
        for label in referral.needs.open
        if label in requested
    ]
    return [Emit(need, topics.INTAKE) for previous, need in needs if facts.differs(previous, need)]


def _after_birthday(need: NeedRegistered, requested: RequestedNeed, changed: ReferralStored) -> NeedRegistered:
    people = people_served(requested.members, requested.together, changed.person, changed.household)
    changes = {"person": people.person, "companions": people.companions, "revision": need.revision + 1}
    return need.model_copy(update=changes)
