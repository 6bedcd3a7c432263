"""Alternatives, exclusions and conditions in words, for all services of a category at once.

The plain definition is `eligibility.alternatives`. Alternatives are numbered: one group of bitmaps describes the first
alternative of every service that has one, the next group the second, and so on. Within a group a few bitmap operations
compute "and" over the criteria of an alternative; `|` over the groups computes "or" over the alternatives. Exclusions
have groups of their own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from contracts.profiles import MinimalProfile
from contracts.words import Flag

from .bitmaps import (
    ANY_OF,
    ASSESSES,
    DESCRIPTION,
    EXCLUDES,
    MAXIMUM_HOUSEHOLD,
    NONE_OF,
    REQUIRES,
    REQUIRES_A_FLAG,
    STATUS,
    Key,
)
from .person_kinds import KEYED_KINDS

GetBitmap = Callable[[Key, int], int]
"""The bitmap under a key, or a default."""
Kinds = Sequence[tuple[str, Any]]
"""The kinds of one person: for each personal criterion its key and the kind (`person_kinds`)."""


class Judgement(NamedTuple):
    """The services whose conditions a need fails, and those where it is unknown. None is in both."""

    failed: int
    unknown: int


class Met(NamedTuple):
    """The services whose n-th alternative or exclusion is met for certain, and those where it is unknown."""

    certain: int
    unknown: int


class Possible(NamedTuple):
    """The services whose n-th alternative or exclusion can still be met; for `unknown` of them it is not certain.

    Bits in `unknown` alone mean nothing.
    """

    left: int
    unknown: int


def judge(get: GetBitmap, people: Sequence[MinimalProfile], household: int, ignores_status: bool) -> Judgement:
    """What `alternatives.meets_conditions` says of each service. For `people` see `person_kinds.people_of`."""
    failed, unknown = get((DESCRIPTION, False), 0), get((DESCRIPTION, None), 0)
    kinds = [
        [(key, kind(person)) for _, key, kind in KEYED_KINDS if key != STATUS or not ignores_status]
        for person in people
    ]
    alternatives = list(_numbered(get, ANY_OF, household, ignores_status))
    if alternatives:
        certain, perhaps = _everyone_meets_one(alternatives, people, kinds)
        with_alternatives = get((ANY_OF, 0), 0)
        failed |= with_alternatives & ~(certain | perhaps)
        unknown |= with_alternatives & ~certain
    for exclusion in _numbered(get, NONE_OF, household, ignores_status):
        possible = exclusion.for_household()
        for person, person_kinds in zip(people, kinds, strict=True):
            met = exclusion.met_by(exclusion.with_flags(possible, person.flags), person_kinds)
            failed |= met.certain
            unknown |= met.unknown
    return Judgement(failed, unknown & ~failed)


def _everyone_meets_one(
    alternatives: Sequence["_NumberedCriteria"], people: Sequence[MinimalProfile], kinds: Sequence[Kinds]
) -> Met:
    """The services where everyone meets some alternative for certain, and those where everyone does perhaps."""
    household_flags = [flag for person in people for flag in person.flags]
    possible = [each.with_flags(each.for_household(), household_flags) for each in alternatives]
    certain_for_all = perhaps_for_all = -1  # all bits
    for person_kinds in kinds:
        certain = perhaps = 0
        for alternative, left in zip(alternatives, possible, strict=True):
            met = alternative.met_by(left, person_kinds)
            certain |= met.certain
            perhaps |= met.certain | met.unknown
        certain_for_all &= certain
        perhaps_for_all &= perhaps
    return Met(certain_for_all, perhaps_for_all)


def _numbered(get: GetBitmap, name: str, household: int, ignores_status: bool) -> Iterator["_NumberedCriteria"]:
    """The first alternatives of all services, the second, and so on."""
    for number in count():
        if not get((name, number), 0):
            return
        yield _NumberedCriteria(get, (name, number), household, ignores_status)


class _NumberedCriteria:
    """The n-th alternative, or exclusion, of every service that has so many."""

    def __init__(self, get: GetBitmap, prefix: tuple[str, int], household: int, ignores_status: bool) -> None:
        self._get, self._prefix, self._household, self._ignores_status = get, prefix, household, ignores_status

    def for_household(self) -> Possible:
        """Those possible whoever the person is: by the description and the size of the household."""
        get, prefix = self._get, self._prefix
        left = get(prefix, 0) & ~get((*prefix, DESCRIPTION, False), 0)
        for smaller in range(1, self._household):
            left &= ~get((*prefix, MAXIMUM_HOUSEHOLD, smaller), 0)
        if self._ignores_status and prefix[0] == NONE_OF:
            left &= ~get((*prefix, STATUS), 0)  # nobody is excluded by a status that must not be looked at
        return Possible(left, left & get((*prefix, DESCRIPTION, None), 0))

    def with_flags(self, possible: Possible, flags: Iterable[Flag]) -> Possible:
        """Those still possible with just these flags."""
        get, prefix = self._get, self._prefix
        left, unknown = possible
        lacking_flag = get((*prefix, REQUIRES_A_FLAG), 0)
        for flag in flags:
            left &= ~get((*prefix, EXCLUDES, flag), 0)
            lacking_flag &= ~get((*prefix, REQUIRES, flag), 0)
            unknown |= get((*prefix, ASSESSES, flag), 0)
        return Possible(left & ~lacking_flag, unknown)

    def met_by(self, possible: Possible, kinds: Kinds) -> Met:
        """Those that a person of these kinds meets."""
        get, prefix = self._get, self._prefix
        left, unknown = possible
        for key, kind in kinds:
            left &= ~get((*prefix, key, False, kind), 0)
            unknown |= get((*prefix, key, None, kind), 0)
        unknown &= left
        return Met(left & ~unknown, unknown)
