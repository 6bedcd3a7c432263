"""What one criterion of a service says of one person: yes, no or unknown; and how such verdicts are combined.

A verdict is unknown if the person has not stated the value, if an age band lies only partly within the limits, or if
two statements contradict each other: a service asks for a flag that it also excludes, or a person is flagged as a child
and has an adult's age band. The provider chooses what unknown leads to (`resolve`).
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import NamedTuple

from contracts.eligibility import Criteria, IfUnknown
from contracts.household_rules import CHILD_FLAGS, MAX_AGE, MAX_HOUSEHOLD
from contracts.profiles import MinimalProfile
from contracts.words import Flag, Rule, Sex, Unknown

Verdict = bool | None
"""Whether a criterion is met. None: unknown."""

LARGEST_HOUSEHOLD = MAX_HOUSEHOLD
"""People; as in the contracts."""
_ADULT, _OLDEST = 18, MAX_AGE
"""Years."""
_RESOLVED: dict[Unknown, Verdict] = {Unknown.REFUSE: False, Unknown.ACCEPT: True, Unknown.ASSESS: None}


# how verdicts are combined -------------------------------------------------------------------------------------------


def resolve(verdict: Verdict, if_unknown: Unknown) -> Verdict:
    """The verdict; if it is unknown, what the provider has chosen for that case: no, yes, or unknown still."""
    return _RESOLVED[if_unknown] if verdict is None else verdict


def conjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """No if any verdict is no; otherwise unknown if any is unknown; otherwise yes."""
    all_verdicts = list(verdicts)
    if False in all_verdicts:
        return False
    return None if None in all_verdicts else True


def disjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """Yes if any verdict is yes; otherwise unknown if any is unknown; otherwise no."""
    all_verdicts = list(verdicts)
    if True in all_verdicts:
        return True
    return None if None in all_verdicts else False


# age -----------------------------------------------------------------------------------------------------------------


def states_age(limits: Criteria) -> bool:
    """Whether the service limits the age at all (`minimum_age`, `maximum_age`)."""
    return limits.minimum_age > 0 or limits.maximum_age < _OLDEST


def is_flagged_child(person: MinimalProfile) -> bool:
    """Whether a flag says that the person is a child, whatever the age band says."""
    return not CHILD_FLAGS.isdisjoint(person.flags)


def meets_age(person: MinimalProfile, limits: Criteria) -> Verdict:
    """`minimum_age` and `maximum_age` against `age_band` and `flags`.

    A child, by age band or by flag, never goes to a service for adults only.
    """
    youngest, oldest = person.age_band.years
    flagged = is_flagged_child(person)
    if (flagged or oldest < _ADULT) and limits.minimum_age >= _ADULT:
        return False
    if flagged and youngest >= _ADULT:
        return None  # the flag says child, the age band says adult
    if limits.minimum_age <= youngest and oldest <= limits.maximum_age:
        return True
    overlaps = youngest <= limits.maximum_age and limits.minimum_age <= oldest
    return None if overlaps else False


# sex, residence status -----------------------------------------------------------------------------------------------


def states_sex(limits: Criteria) -> bool:
    """Whether the service is for some sexes only (`sexes`)."""
    return bool(limits.sexes)


def meets_sex(person: MinimalProfile, limits: Criteria) -> Verdict:
    """`sexes` against `sex`. ``undisclosed`` is unknown; ``other`` is neither female nor male."""
    if person.sex in limits.sexes:
        return True
    return None if person.sex is Sex.UNDISCLOSED else False


def states_status(limits: Criteria) -> bool:
    """Whether the service asks for or excludes a residence status (`statuses`, `not_statuses`)."""
    return bool(limits.statuses or limits.not_statuses)


def meets_status(person: MinimalProfile, limits: Criteria) -> Verdict:
    """`statuses` and `not_statuses` against `status`."""
    if person.status is None:
        return None
    if person.status in limits.not_statuses:
        return None if person.status in limits.statuses else False
    return not limits.statuses or person.status in limits.statuses


class PersonalCriterion(NamedTuple):
    """A criterion that each person has to meet for themselves.

    `is_stated`: whether a service states it. `met_by`: the verdict on a person, if so. `if_unknown`: what the provider
    has chosen for an unknown verdict.
    """

    rule: Rule
    is_stated: Callable[[Criteria], bool]
    met_by: Callable[[MinimalProfile, Criteria], Verdict]
    if_unknown: Callable[[IfUnknown], Unknown]


AGE = PersonalCriterion(Rule.AGE, states_age, meets_age, attrgetter("age"))
SEX = PersonalCriterion(Rule.SEX, states_sex, meets_sex, attrgetter("sex"))
STATUS = PersonalCriterion(Rule.STATUS, states_status, meets_status, attrgetter("status"))
PERSONAL_CRITERIA = (AGE, SEX, STATUS)
"""In the order in which `assessment.unknown` names them."""


# flags, size of the household ----------------------------------------------------------------------------------------


def meets_flags(flags: Iterable[Flag], limits: Criteria) -> Verdict:
    """`flags_any` and `not_flags` against the flags of a person or a household: at least one of the former, none of
    the latter.

    A flag that is not set counts as "no", not as unknown; otherwise every need would have to be assessed.
    """
    if not (limits.flags_any or limits.not_flags):
        return True
    flags_set, required, excluded = set(flags), set(limits.flags_any), set(limits.not_flags)
    if flags_set & (excluded - required) or (required and not flags_set & required):
        return False
    return None if flags_set & excluded else True


def fits_household(size: int, limits: Criteria) -> bool:
    """`maximum_household` against the number of people in the household."""
    return limits.maximum_household is None or size <= limits.maximum_household


def meets_description(limits: Criteria, if_unknown: Unknown) -> Verdict:
    """`description`: what a service states in words only is unknown of everyone."""
    return True if limits.description is None else resolve(None, if_unknown)
