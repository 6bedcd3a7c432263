"""Which needs have few services to choose from: the group whose outcomes are compared with those of all others."""

from contracts.intake import NeedRegistered
from contracts.words import Flag

from .directory import Directory

FEW = 1 / 3
"""A language is scarce if a smaller share of a category's services speaks it."""


def hard_to_place(need: NeedRegistered, directory: Directory) -> bool:
    """Whether few services of the category speak a language of the person, or the person has a disability."""
    person = need.person
    return Flag.DISABILITY in person.flags or directory.speaking(need.category, person.languages) < FEW
