"""Alternatives and exclusions of a service (`any_of`, `none_of`), and what it says in words only: the plain definition.

A disjunction of conjunctions, with three values. `planes` says the same of all services at once.
"""

from collections.abc import Iterator
from itertools import chain, combinations, product
from typing import NamedTuple

from contracts.eligibility import Criteria, Eligibility
from contracts.intake import MinimalProfile
from contracts.words import AgeBand, Sex, Status, Unknown

from .criteria import (
    Verdict,
    aged_for,
    every,
    flagged_for,
    limits_age,
    limits_sex,
    limits_status,
    of_sex,
    of_status,
    settled,
    some,
)

INVERSE = {Unknown.REFUSE: Unknown.ACCEPT, Unknown.ACCEPT: Unknown.REFUSE, Unknown.ASSESS: Unknown.ASSESS}
"""Who is to be refused if it can't be told whether they are excluded, counts as being so."""


class Group(NamedTuple):
    """Those whom a need is for. `undescribed`: there are more of them; `household` is its size, the others included.

    `blind`: nobody looks at residence status for them.
    """

    people: list[MinimalProfile]
    undescribed: bool
    household: int
    blind: bool


def conditions(group: Group, limits: Eligibility) -> Verdict:
    """Whether each of them meets an alternative and no exclusion, and what is said in words."""
    if not (limits.any_of or limits.none_of or limits.description):
        return True
    each: list[MinimalProfile | None] = [*group.people, *([None] if group.undescribed else [])]
    verdicts = [_described(limits, limits.unknown.description)]
    if limits.any_of:
        verdicts += [some(_meets(group, person, it) for it in limits.any_of) for person in each]
    excluded = some(_meets(group, person, it, excluding=True) for person in each for it in limits.none_of)
    return every([*verdicts, None if excluded is None else not excluded])


def names_status(limits: Eligibility) -> bool:
    """Whether it says anything at all of residence status."""
    return any(limits_status(each) for each in (limits, *limits.any_of, *limits.none_of))


def possible(limits: Eligibility) -> bool:
    """Whether anybody could ever come: each kind of person is tried, until there is one."""
    if not (limits.any_of or limits.none_of or limits.description):
        return True
    return any(
        _meets(group, group.people[0], limits) is not False and conditions(group, limits) is not False
        for group in _anybody(limits)
    )


def _meets(group: Group, person: MinimalProfile | None, limits: Criteria, *, excluding: bool = False) -> Verdict:
    """Whether one of them (None: who is not described) meets these criteria.

    If they are `excluding`, what is not known counts the other way round, nobody is out by another's flags, and nobody
    by a residence status that nobody looks at.
    """

    def told(verdict: Verdict, unknown: Unknown) -> Verdict:
        return settled(verdict, INVERSE[unknown] if excluding else unknown)

    unknown = limits.unknown
    flagged = ([person] if person else []) if excluding else group.people
    verdicts = [_described(limits, INVERSE[unknown.description] if excluding else unknown.description)]
    verdicts.append(told(flagged_for((flag for each in flagged for flag in each.flags), limits), unknown.flags))
    if limits_age(limits):
        verdicts.append(told(aged_for(person, limits) if person else None, unknown.age))
    if limits_sex(limits):
        verdicts.append(told(of_sex(person, limits) if person else None, unknown.sex))
    if limits_status(limits):
        known = of_status(person, limits) if person else None
        verdicts.append(not excluding if group.blind else told(known, unknown.status))
    return every([*verdicts, _small_enough(group, limits)])


def _described(limits: Criteria, unknown: Unknown) -> Verdict:
    return True if limits.description is None else settled(None, unknown)


def _small_enough(group: Group, limits: Criteria) -> bool:
    return limits.maximum_household is None or group.household <= limits.maximum_household


def _anybody(limits: Eligibility) -> Iterator[Group]:
    """One person of each kind that its criteria tell apart, alone or of a large household.

    Of flags up to two, or all it asks for that it does not exclude outright: more are hardly ever needed at once.
    """
    told = (limits, *limits.any_of, *limits.none_of)
    ages = list(AgeBand) if any(map(limits_age, told)) else [AgeBand.ADULT]
    asked = {sex for each in told for sex in each.sexes}
    sexes = [each for each in Sex if each in asked or each is not Sex.UNDISCLOSED] if asked else [Sex.UNDISCLOSED]
    statuses = list(Status) if any(map(limits_status, told)) else [None]
    wanted = {flag for each in told for flag in each.flags_any}
    named = sorted(wanted | {flag for each in told for flag in each.not_flags})
    flags = [*chain.from_iterable(combinations(named, size) for size in (0, 1, 2)), wanted - set(limits.not_flags)]
    for age, sex, status, flagged, size in product(ages, sexes, statuses, flags, (1, 30)):
        person = MinimalProfile(
            age_band=age, sex=sex, languages=[], status=status, flags=list(flagged), household_size=size
        )
        yield Group([person], False, size, False)
