"""What each provider was given of a person, and what was recalled: the fold of releases and recalls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

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
"""Ends after which a provider keeps what consent still allows, because it has to document the help that it gave."""

Key = tuple[str, int]
"""A need's label, and the number of the attempt."""


@dataclass(frozen=True, slots=True)
class RecallRequest:
    """Fields that a provider was asked to delete, and whether it has confirmed that."""

    number: int
    fields: frozenset[PersonalField]
    reason: str
    acknowledge_by: datetime
    overdue: bool = False
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one provider has of the person, since it accepted a need.

    `fields` were released to it and not recalled; they belong to the person with `digest`. `awaits_key`: a release
    waits for the provider's public key, and a timer is running. `end`: how the need ended for this provider.
    """

    request: ReleaseRequested
    fields: frozenset[PersonalField] = frozenset()
    digest: str = ""
    awaits_key: bool = False
    end: Lifecycle | None = None
    recalls: tuple[RecallRequest, ...] = ()

    @property
    def key(self) -> Key:
        """What identifies it within its referral."""
        return self.request.need, self.request.attempt

    def recall(self, number: int) -> RecallRequest | None:
        """The recall with this number, if there was one."""
        return next((recall for recall in self.recalls if recall.number == number), None)


Disclosures = Mapping[Key, Disclosure]

Fact = ReleaseRequested | NothingToRelease | Released | ReleaseEnded | Recalled | RecallOverdue | RecallConfirmed

FACTS: tuple[type[Message], ...] = (
    ReleaseRequested, NothingToRelease, Released, ReleaseEnded, Recalled, RecallOverdue, RecallConfirmed,
)  # fmt: skip


def evolve(disclosures: Disclosures, fact: Message) -> Disclosures:
    """The disclosures after a fact. A fact that is not about one changes nothing."""
    if not isinstance(fact, Fact):
        return disclosures
    key = (fact.need, fact.attempt)
    disclosure = disclosures.get(key) or Disclosure(request_of(fact))
    return {**disclosures, key: _after(disclosure, fact)}


def _after(disclosure: Disclosure, fact: Fact) -> Disclosure:
    match fact:
        case ReleaseRequested():
            return replace(disclosure, awaits_key=True)
        case NothingToRelease():
            return replace(disclosure, awaits_key=False)
        case Released():
            fields = disclosure.fields | set(fact.fields)
            return replace(disclosure, fields=fields, digest=fact.personal.digest, awaits_key=False)
        case ReleaseEnded():
            return replace(disclosure, end=fact.end, awaits_key=False)
        case Recalled():
            recall = RecallRequest(fact.recall, frozenset(fact.fields), fact.reason, fact.acknowledge_by)
            return replace(disclosure, fields=disclosure.fields - recall.fields, recalls=(*disclosure.recalls, recall))
        case RecallOverdue():
            return _with_recall(disclosure, fact.recall, lambda recall: replace(recall, overdue=True))
        case RecallConfirmed():
            return _with_recall(disclosure, fact.recall, lambda recall: replace(recall, acknowledged=True))


def _with_recall(disclosure: Disclosure, number: int, change: Callable[[RecallRequest], RecallRequest]) -> Disclosure:
    recalls = (change(recall) if recall.number == number else recall for recall in disclosure.recalls)
    return replace(disclosure, recalls=tuple(recalls))


def request_of(event: Fact) -> ReleaseRequested:
    """The request of the release that an event is about."""
    return ReleaseRequested(**{name: getattr(event, name) for name in ReleaseRequested.model_fields})
