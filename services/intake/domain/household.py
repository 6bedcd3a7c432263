"""Whom a need is for: the person, one of the household, or several who are to be served together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from contracts.agency import PERSON
from contracts.intake import HouseholdMember, MinimalProfile
from contracts.words import Flag


class _ForMembers(Protocol):
    @property
    def members(self) -> list[str]: ...


class ForWhom(NamedTuple):
    """As `contracts.intake.Accepted` has it."""

    person: MinimalProfile
    companions: list[MinimalProfile]
    places: int


def whom(members: list[str], together: bool, household: Iterable[str]) -> list[str]:
    """The labels of those a need is for."""
    return members or ([PERSON, *household] if together else [PERSON])


def for_whom(
    members: list[str], together: bool, person: MinimalProfile, household: Sequence[HouseholdMember]
) -> ForWhom:
    """Those a need is for, and the places it takes. `person.household_size` is that of the household.

    One person alone is of a household of one, save the person referred: a service that limits households has always
    been asked with all of theirs.
    """
    if not members and not household:  # nobody else is known, as mostly
        return ForWhom(person, [], max(person.household_size, 1) if together else 1)
    known: Mapping[str, MinimalProfile] = {PERSON: person, **{each.member: each.person for each in household}}
    labels = whom(members, together, [label for label in known if label != PERSON])
    places = 1 if not together else len(labels) if members else max(person.household_size, len(labels))
    size = person.household_size if labels == [PERSON] and not members else places
    first, *others = [_of_a_household_of(size, known[label]) for label in labels]
    return ForWhom(person=first, companions=others, places=places)


def _of_a_household_of(size: int, person: MinimalProfile) -> MinimalProfile:
    return person if person.household_size == size else person.model_copy(update={"household_size": size})


def all_flags(people: Iterable[MinimalProfile]) -> list[Flag]:
    """The vulnerabilities of people who are served together, each once."""
    return list(dict.fromkeys(flag for person in people for flag in person.flags))
