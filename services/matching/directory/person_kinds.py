"""The kinds of people that rules distinguish, so that a bitmap can hold the services that exclude a kind.

Two people are of one kind for a rule if every service decides alike about both: for the rule on sex, that is their sex.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from contracts.household_rules import CHILD_FLAGS
from contracts.intake import NeedRegistered
from contracts.profiles import MinimalProfile
from contracts.words import AgeBand, Rule, Sex, Status

from ..eligibility import criteria
from ..eligibility.criteria import PersonalCriterion, is_flagged_child

_NOT_DESCRIBED: Any = "undescribed"
UNDESCRIBED = MinimalProfile.model_construct(
    age_band=_NOT_DESCRIBED, sex=_NOT_DESCRIBED, status=_NOT_DESCRIBED, languages=[], flags=[]
)
"""A person of whom nothing is known. For every rule this is a kind of its own."""


def people_of(need: NeedRegistered) -> list[MinimalProfile]:
    """The people whom a need is for; with `UNDESCRIBED` among them if it is for more than are described."""
    people = need.people
    return people if need.places <= len(people) else [*people, UNDESCRIBED]


def age_kind(person: MinimalProfile) -> tuple[AgeBand, bool]:
    """The age band, and whether a flag says that the person is a child."""
    return person.age_band, bool(person.flags) and is_flagged_child(person)


class PersonKinds(NamedTuple):
    """The kinds that a personal criterion distinguishes: `kind` of a person, and an example of each."""

    criterion: PersonalCriterion
    kind: Callable[[MinimalProfile], Any]
    examples: list[MinimalProfile]


def _example(**values: Any) -> MinimalProfile:
    return MinimalProfile(**{"age_band": AgeBand.ADULT, "sex": Sex.UNDISCLOSED, "languages": [], **values})


_AGES = [_example(age_band=band, flags=flags) for band in AgeBand for flags in ([], sorted(CHILD_FLAGS))]
_SEXES = [_example(sex=sex) for sex in Sex]
_STATUSES = [_example(status=status) for status in (None, *Status)]

PERSON_KINDS = (
    PersonKinds(criteria.AGE, age_kind, [*_AGES, UNDESCRIBED]),
    PersonKinds(criteria.SEX, attrgetter("sex"), [*_SEXES, UNDESCRIBED]),
    PersonKinds(criteria.STATUS, attrgetter("status"), [*_STATUSES, UNDESCRIBED]),
)
"""In the order of `criteria.PERSONAL_CRITERIA`."""


class KeyedKind(NamedTuple):
    """A personal rule, the string under which its bitmaps are stored, and the kind of a person."""

    rule: Rule
    key: str
    kind: Callable[[MinimalProfile], Any]


KEYED_KINDS = tuple(KeyedKind(each.criterion.rule, each.criterion.rule.value, each.kind) for each in PERSON_KINDS)
