"""A service on its way through the choice for one need."""

from typing import NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import MatchReason
from contracts.words import Rule

from ..eligibility import assessment
from ..model.entry import DirectoryEntry

TERM_NAMES = ("distance", "language", "preference", "free-share")
"""The names of `Terms` in recorded decisions."""
_ONLY_DOCUMENTS = [Rule.DOCUMENTS]


class Terms(NamedTuple):
    """The terms of a score, each in [0, 1]; more is better."""

    distance: float
    language: float
    preference: float
    free_share: float


UNSCORED = Terms(0.0, 0.0, 0.0, 0.0)

RankKey = tuple[bool, float, str]
"""Sorts the best first: services that must assess the person first come last; then by score, negated; then by id."""


class Candidate(NamedTuple):
    """A service that can take the need. `free` is how many of its places this need could have.

    `unknown` are the service's rules for which it is unknown whether the need meets them. `score.rank` fills in the
    rest; `charged` is the price that was subtracted from the score.
    """

    entry: DirectoryEntry
    free: int
    unknown: list[Rule]
    terms: Terms = UNSCORED
    charged: float = 0.0
    score: float = 0.0

    @classmethod
    def assess(cls, need: NeedRegistered, entry: DirectoryEntry, free: int) -> "Candidate":
        """A candidate for which the directory has not computed `unknown` yet."""
        return cls(entry, free, assessment.rules_to_assess(need, entry.service))

    @property
    def assessed_first(self) -> bool:
        """Whether the provider must assess the person first.

        Required documents alone do not count: nobody has stated theirs, and a provider that lists its documents must
        not fare worse than one that asks for them later.
        """
        return bool(self.unknown) and self.unknown != _ONLY_DOCUMENTS

    @property
    def rank_key(self) -> RankKey:
        """See `RankKey`."""
        return self.assessed_first, -self.score, self.entry.id

    @property
    def reasons(self) -> list[MatchReason]:
        """The terms of the score, the price and the score; without the distance to a confidential address."""
        values = dict(zip(TERM_NAMES, self.terms, strict=True))
        if self.entry.service.address_confidential:
            del values["distance"]
        if self.charged:
            values["price"] = -self.charged
        values["score"] = self.score
        return [MatchReason(term=term, value=round(value, 4)) for term, value in values.items()]
