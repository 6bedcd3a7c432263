"""What each provider has been given of a person, and what of it was called back: the fold of releases and recalls."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts.base import Message
from contracts.intake import (
    NothingToRelease,
    RecallConfirmed,
    Recalled,
    RecallOverdue,
    Released,
    ReleaseEnded,
    ReleaseRequested,
)
from contracts.words import Lifecycle, PersonalField

DELIVERED = frozenset({Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED})
"""Ends after which a provider keeps what consent still allows: it has a record to keep of the help it gave."""

Key = tuple[str, int]
"""A need's label, and the attempt."""


@dataclass(frozen=True, slots=True)
class RecallRequest:
    """What a provider was told to delete, and whether it has said that it did."""

    number: int
    fields: frozenset[PersonalField]
    reason: str
    acknowledge_by: datetime
    overdue: bool = False
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One provider that has accepted. `given`: fields released to it and not recalled, of the person with `digest`.

    `waits`: a release to it awaits its key, and a timer of it is running. `end`: it has the need no more.
    """

    request: ReleaseRequested
    given: frozenset[PersonalField] = frozenset()
    digest: str = ""
    waits: bool = False
    end: Lifecycle | None = None
    recalls: tuple[RecallRequest, ...] = ()

    @property
    def key(self) -> Key:
        """What it is known by within its referral."""
        return self.request.need, self.request.attempt

    def recall(self, number: int) -> RecallRequest | None:
        """The recall of this number, if there was one."""
        return next((each for each in self.recalls if each.number == number), None)


Holdings = Mapping[Key, Disclosure]

FACTS: tuple[type[Message], ...] = (
    ReleaseRequested, NothingToRelease, Released, ReleaseEnded, Recalled, RecallOverdue, RecallConfirmed,
)  # fmt: skip


def evolve(holdings: Holdings, fact: Message) -> Holdings:
    """The holdings after a fact; one that is none of theirs changes nothing."""
    if not isinstance(fact, FACTS):
        return holdings
    key = (fact.need, fact.attempt)  # type: ignore[attr-defined]
    holding = holdings.get(key) or Disclosure(request_of(fact))
    match fact:
        case ReleaseRequested():
            holding = replace(holding, waits=True)
        case NothingToRelease():
            holding = replace(holding, waits=False)
        case Released():
            given = holding.given | set(fact.fields)
            holding = replace(holding, given=given, digest=fact.personal.digest, waits=False)
        case ReleaseEnded():
            holding = replace(holding, end=fact.end, waits=False)
        case Recalled():
            recall = RecallRequest(fact.recall, frozenset(fact.fields), fact.reason, fact.acknowledge_by)
            holding = replace(holding, given=holding.given - recall.fields, recalls=(*holding.recalls, recall))
        case RecallOverdue():
            holding = replace(holding, recalls=tuple(_late(each, fact.recall) for each in holding.recalls))
        case RecallConfirmed():
            holding = replace(holding, recalls=tuple(_done(each, fact.recall) for each in holding.recalls))
    return {**holdings, key: holding}


def request_of(of: Any) -> ReleaseRequested:
    """Whose release it is, from any fact or event about it."""
    return ReleaseRequested(**{name: getattr(of, name) for name in ReleaseRequested.model_fields})


def _late(recall: RecallRequest, number: int) -> RecallRequest:
    return replace(recall, overdue=True) if recall.number == number else recall


def _done(recall: RecallRequest, number: int) -> RecallRequest:
    return replace(recall, acknowledged=True) if recall.number == number else recall
