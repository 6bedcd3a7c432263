"""The rules on age, caregivers and household size that every message and every gate checks: one place for all of them.

Used by the messages (`agency`, `recommendation`, `eligibility`) and by intake's gate, which alone knows the day.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Annotated, Protocol

from pydantic import Field

from .formats import WholeNumber
from .words import AgeBand, Flag

PERSON = "person"
"""The label of the person referred, among the labels of the household's members."""

CHILD_FLAGS = frozenset({Flag.UNACCOMPANIED_CHILD, Flag.SEPARATED_CHILD})
"""Flags that make their bearer a child, whatever age is stated: ages are often wrong or disputed."""
MAX_AGE = AgeBand.OLDER.years[1]
MAX_HOUSEHOLD = 30

Age = Annotated[int, Field(ge=0, le=MAX_AGE), WholeNumber()]
"""An age in whole years."""
HouseholdSize = Annotated[int, Field(ge=1, le=MAX_HOUSEHOLD), WholeNumber()]
"""The number of people in a household, the person referred included."""


def counts_as_child(age_band: AgeBand, flags: Collection[Flag]) -> bool:
    """Whether a person is protected as a child: by age, or by a flag."""
    return age_band.is_minor or not CHILD_FLAGS.isdisjoint(flags)


def check_one_age(birth_date: date | None, age_band: AgeBand | None) -> None:
    """Raises `ValueError` unless exactly one of the two is given."""
    if (birth_date is None) == (age_band is None):
        raise ValueError("give either birth_date or age_band")


def age_band_on(day: date, birth_date: date | None, age_band: AgeBand | None) -> AgeBand:
    """The age band on a day, of a person of whom one of the two is known. Raises `ValueError` if neither is."""
    if age_band is not None:
        return age_band
    if birth_date is None:
        raise ValueError("neither birth_date nor age_band is known")
    return AgeBand.for_birth_date(birth_date, day)


def next_band_on(birth_date: date, day: date) -> date | None:
    """The first day after `day` on which the person is in another age band; None if there is no older one.

    Who was born on 29 February has the birthday on 1 March in other years, as in `AgeBand.for_birth_date`.
    """
    starts = (_birthday(birth_date, band.years[0]) for band in AgeBand if band.years[0] > 0)
    return min((start for start in starts if start > day), default=None)


def _birthday(birth_date: date, age: int) -> date:
    try:
        return birth_date.replace(year=birth_date.year + age)
    except ValueError:  # 29 February
        return date(birth_date.year + age, 3, 1)


def birth_date_error(birth_date: date | None, latest_day: date) -> str | None:
    """What is wrong with a birth date, as a hint to the sender; None if nothing is.

    `latest_day` is the latest day that it may be where the person is (`contracts.zones`).
    """
    if birth_date is None:
        return None
    if birth_date > latest_day:
        return "a birth date can not be in the future"
    if birth_date.year < latest_day.year - MAX_AGE:
        return "nobody is that old"
    return None


def needs_caregiver(age_band: AgeBand) -> bool:
    """Whether a referral of this person must have the caregiver block: everyone under 18, even if unaccompanied."""
    return age_band.is_minor


def household_size(stated: int, members: int) -> int:
    """The size of a household, the person included. `stated` may count people who are not among the `members`."""
    return max(stated, 1 + members)


class LabelledNeed(Protocol):
    """What `check_labels` reads of a need."""

    @property
    def need(self) -> str:
        """The need's own label."""
        ...

    @property
    def members(self) -> list[str]:
        """The labels of the people it is for."""
        ...


def check_labels(needs: Sequence[LabelledNeed], members: Sequence[str], stated_size: int) -> None:
    """Whether needs and members of one household agree. `stated_size` is 1 if it was left out.

    Raises `ValueError` with what to change.
    """
    labels = [need.need for need in needs]
    if len(set(labels)) != len(labels):
        raise ValueError("each need must have a label of its own within the referral")
    if len({PERSON, *members}) != len(members) + 1:
        raise ValueError("each member of the household has a label of its own, and 'person' is reserved")
    if not {member for need in needs for member in need.members} <= {PERSON, *members}:
        raise ValueError("needs must list members by the labels in household, or 'person'")
    if 1 < stated_size < 1 + len(members):
        raise ValueError("household_size counts the person and each member of household: leave it out, or raise it")
