"""Alternatives (`any_of`), exclusions (`none_of`) and conditions in words (`description`) of a service.

This is the plain definition: alternatives are joined by "or", the criteria of each by "and", and every verdict is yes,
no or unknown. `directory.alternative_bitmaps` computes the same for all services of a category at once.
"""

from collections.abc import Iterator
from itertools import chain, combinations, product
from typing import NamedTuple

from contracts.eligibility import Criteria, Eligibility
from contracts.profiles import MinimalProfile
from contracts.words import AgeBand, Sex, Status, Unknown

from .criteria import (
    LARGEST_HOUSEHOLD,
    PERSONAL_CRITERIA,
    STATUS,
    Verdict,
    conjunction,
    disjunction,
    fits_household,
    meets_description,
    meets_flags,
    resolve,
    states_age,
    states_status,
)

INVERSE = {Unknown.REFUSE: Unknown.ACCEPT, Unknown.ACCEPT: Unknown.REFUSE, Unknown.ASSESS: Unknown.ASSESS}
"""For exclusions. "Refuse if unknown" means: count the person as meeting the exclusion."""


class Group(NamedTuple):
    """The people whom a need is for.

    `undescribed`: the need is for more people than are described. `household`: the number of people in the household,
    those whom the need is not for included. `ignores_status`: their residence status must not be looked at.
    """

    people: list[MinimalProfile]
    undescribed: bool
    household: int
    ignores_status: bool


def meets_conditions(group: Group, limits: Eligibility) -> Verdict:
    """Whether everyone meets an alternative, nobody meets an exclusion, and the description applies."""
    if not (limits.any_of or limits.none_of or limits.description):
        return True
    everyone: list[MinimalProfile | None] = [*group.people, *([None] if group.undescribed else [])]
    verdicts = [meets_description(limits, limits.unknown.description)]
    if limits.any_of:
        verdicts += [disjunction(_meets(group, person, each) for each in limits.any_of) for person in everyone]
    excluded = disjunction(
        _meets(group, person, each, excluding=True) for person in everyone for each in limits.none_of
    )
    return conjunction([*verdicts, None if excluded is None else not excluded])


def mentions_status(limits: Eligibility) -> bool:
    """Whether the service states anything about residence status, also in an alternative or exclusion."""
    return any(map(states_status, _all_criteria(limits)))


def can_be_met(limits: Eligibility) -> bool:
    """Whether anybody could ever be taken. Tries one person of each kind until one fits."""
    if not (limits.any_of or limits.none_of or limits.description):
        return True
    return any(
        _meets(group, group.people[0], limits) is not False and meets_conditions(group, limits) is not False
        for group in _sample_groups(limits)
    )


def _meets(group: Group, person: MinimalProfile | None, limits: Criteria, *, excluding: bool = False) -> Verdict:
    """Whether a person of the group (None: one who is not described) meets all of these criteria.

    Three things differ if the criteria are `excluding`: what is unknown is resolved the other way round; only the
    person's own flags count; and a residence status that must not be looked at excludes nobody.
    """

    def resolved(verdict: Verdict, if_unknown: Unknown) -> Verdict:
        return resolve(verdict, INVERSE[if_unknown] if excluding else if_unknown)

    unknown = limits.unknown
    people_with_flags = group.people if not excluding else [] if person is None else [person]
    flags = (flag for each in people_with_flags for flag in each.flags)
    verdicts = [
        meets_description(limits, INVERSE[unknown.description] if excluding else unknown.description),
        resolved(meets_flags(flags, limits), unknown.flags),
        fits_household(group.household, limits),
    ]
    for criterion in PERSONAL_CRITERIA:
        if not criterion.is_stated(limits):
            continue
        if criterion is STATUS and group.ignores_status:
            verdicts.append(not excluding)
            continue
        verdict = None if person is None else criterion.met_by(person, limits)
        verdicts.append(resolved(verdict, criterion.if_unknown(unknown)))
    return conjunction(verdicts)


def _all_criteria(limits: Eligibility) -> tuple[Criteria, ...]:
    return (limits, *limits.any_of, *limits.none_of)


def _sample_groups(limits: Eligibility) -> Iterator[Group]:
    """One person of each kind that the criteria distinguish, living alone or in the largest household.

    A person has up to two of the flags mentioned, or all that are required and not excluded outright: more flags at
    once are hardly ever needed.
    """
    criteria = _all_criteria(limits)
    ages = list(AgeBand) if any(map(states_age, criteria)) else [AgeBand.ADULT]
    stated_sexes = {sex for each in criteria for sex in each.sexes}
    sexes = [each for each in Sex if each in stated_sexes or each is not Sex.UNDISCLOSED]
    if not stated_sexes:
        sexes = [Sex.UNDISCLOSED]
    statuses = list(Status) if any(map(states_status, criteria)) else [None]
    required_flags = {flag for each in criteria for flag in each.flags_any}
    stated_flags = sorted(required_flags | {flag for each in criteria for flag in each.not_flags})
    small_sets = chain.from_iterable(combinations(stated_flags, size) for size in (0, 1, 2))
    flag_sets = [*small_sets, required_flags - set(limits.not_flags)]
    for age, sex, status, flags, size in product(ages, sexes, statuses, flag_sets, (1, LARGEST_HOUSEHOLD)):
        person = MinimalProfile(
            age_band=age, sex=sex, languages=[], status=status, flags=list(flags), household_size=size
        )
        yield Group([person], undescribed=False, household=size, ignores_status=False)
