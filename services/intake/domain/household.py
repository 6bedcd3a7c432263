"""Whom a need is for: the person, one member of the household, or several who must be served together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from contracts.household_rules import PERSON
from contracts.profiles import HouseholdMember, MinimalProfile
from contracts.words import Flag


class PeopleServed(NamedTuple):
    """The people that a need is for, and the places it takes, as in `contracts.intake.NeedRegistered`."""

    person: MinimalProfile
    companions: list[MinimalProfile]
    places: int


def member_labels(members: list[str], together: bool, household: Iterable[str]) -> list[str]:
    """The labels of the people that a need is for. `household` are the labels of the other members."""
    if members:
        return members
    return [PERSON, *household] if together else [PERSON]


def people_served(
    members: list[str], together: bool, person: MinimalProfile, household: Sequence[HouseholdMember]
) -> PeopleServed:
    """The people that a need is for, and the places it takes. `person.household_size` is that of the whole household.

    A member who is served alone counts as a household of one. The person referred keeps the size of the whole
    household, since a service that limits households has always been asked with that size.
    """
    if not members and not household:  # the usual case: no other member is described
        return PeopleServed(person, [], max(person.household_size, 1) if together else 1)
    profiles = {PERSON: person, **{each.member: each.person for each in household}}
    labels = member_labels(members, together, [label for label in profiles if label != PERSON])
    places = _places(members, together, person.household_size, len(labels))
    size = person.household_size if labels == [PERSON] and not members else places
    first, *others = [_with_household_size(size, profiles[label]) for label in labels]
    return PeopleServed(person=first, companions=others, places=places)


def _places(members: list[str], together: bool, household_size: int, described: int) -> int:
    if not together:
        return 1
    return described if members else max(household_size, described)


def _with_household_size(size: int, person: MinimalProfile) -> MinimalProfile:
    return person if person.household_size == size else person.model_copy(update={"household_size": size})


def all_flags(people: Iterable[MinimalProfile]) -> list[Flag]:
    """The vulnerabilities of people who are served together, each once."""
    return list(dict.fromkeys(flag for person in people for flag in person.flags))
