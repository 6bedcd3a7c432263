"""What one criterion of a service says of one person: yes, no, or that nobody can tell. And how such words are joined.

Unknown is what a person has not said, or a band of ages that lies partly within the limits; contradictory is a service
that asks for whom it excludes, or a person flagged as a child and of an adult's age. What a criterion does with it
(`settled`) is its provider's choice.
"""

from collections.abc import Iterable

from contracts.eligibility import Criteria
from contracts.intake import MinimalProfile
from contracts.words import Flag, Sex, Unknown

Verdict = bool | None
"""None: it can't be told."""

CHILD_FLAGS = frozenset({Flag.UNACCOMPANIED_CHILD, Flag.SEPARATED_CHILD})
_ADULT, _OLDEST = 18, 150
_SETTLED: dict[Unknown, Verdict] = {Unknown.REFUSE: False, Unknown.ACCEPT: True, Unknown.ASSESS: None}


def settled(verdict: Verdict, unknown: Unknown) -> Verdict:
    """A verdict, where what is unknown has been decided upon."""
    return _SETTLED[unknown] if verdict is None else verdict


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """No, if one is no; else unknown, if one is; else yes."""
    found = list(verdicts)
    if False in found:
        return False
    return None if None in found else True


def some(verdicts: Iterable[Verdict]) -> Verdict:
    """Yes, if one is yes; else unknown, if one is; else no."""
    found = list(verdicts)
    if True in found:
        return True
    return None if None in found else False


def limits_age(limits: Criteria) -> bool:
    """Whether it is not for all ages."""
    return limits.minimum_age > 0 or limits.maximum_age < _OLDEST


def limits_sex(limits: Criteria) -> bool:
    """Whether it is not for everybody, whatever their sex."""
    return bool(limits.sexes)


def limits_status(limits: Criteria) -> bool:
    """Whether it is not for every residence status."""
    return bool(limits.statuses or limits.not_statuses)


def flagged_child(person: MinimalProfile) -> bool:
    """A child, whatever the age band says."""
    return not CHILD_FLAGS.isdisjoint(person.flags)


def aged_for(person: MinimalProfile, limits: Criteria) -> Verdict:
    """Where `limits_age`. A child, by band or by flag, is never sent among adults."""
    youngest, oldest = person.age_band.years
    flagged = flagged_child(person)
    if (flagged or oldest < _ADULT) and limits.minimum_age >= _ADULT:
        return False
    if flagged and youngest >= _ADULT:
        return None  # a child by one word, an adult by the other
    if limits.minimum_age <= youngest and oldest <= limits.maximum_age:
        return True
    return None if youngest <= limits.maximum_age and limits.minimum_age <= oldest else False


def of_sex(person: MinimalProfile, limits: Criteria) -> Verdict:
    """Where `limits_sex`. Undisclosed is unknown; other is none of female and male."""
    return True if person.sex in limits.sexes else None if person.sex is Sex.UNDISCLOSED else False


def of_status(person: MinimalProfile, limits: Criteria) -> Verdict:
    """Where `limits_status`."""
    if person.status is None:
        return None
    asked_for = not limits.statuses or person.status in limits.statuses
    if person.status in limits.not_statuses:
        return None if person.status in limits.statuses else False
    return asked_for


def flagged_for(flags: Iterable[Flag], limits: Criteria) -> Verdict:
    """Whether there is one that it asks for, and none that it excludes. One that is not set was not said, and counts as
    not being so; or every service would have to be asked."""
    if not (limits.flags_any or limits.not_flags):
        return True
    has, wanted, excluded = set(flags), set(limits.flags_any), set(limits.not_flags)
    if has & (excluded - wanted) or (wanted and not has & wanted):
        return False
    return None if has & excluded else True
