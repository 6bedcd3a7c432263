"""What intake knows of one referral. Stream: the referral's id."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from contracts.base import Message
from contracts.intake import (
    Linked,
    NeedRegistered,
    NeedWithdrawn,
    PrimaryClaimed,
    PrimaryReleased,
    ReferralStored,
    Unlinked,
)
from contracts.words import PersonalField

from . import disclosures
from .consent import granted_fields
from .disclosures import DELIVERED, Disclosure, Disclosures

_EMPTY: Mapping[Any, Any] = {}


class Needs(NamedTuple):
    """What the facts say of a referral's needs, by the agency's label.

    `registered` holds the latest revision of each need. `serving` are the needs that have a row in the table
    ``served``; `links` are the needs that wait for another referral's row. `turns` is the highest number that either
    kind of row has had.
    """

    registered: Mapping[str, NeedRegistered] = _EMPTY
    withdrawn: frozenset[str] = frozenset()
    disclosures: Disclosures = _EMPTY
    serving: Mapping[str, PrimaryClaimed] = _EMPTY
    links: Mapping[str, Linked] = _EMPTY
    turns: int = 0

    @property
    def open(self) -> list[str]:
        """Labels of the needs that were registered and not withdrawn, in the order in which they came."""
        return [need for need in self.registered if need not in self.withdrawn]

    def after(self, fact: Message) -> "Needs":
        """The needs after a fact. A fact that is not about them changes nothing."""
        match fact:
            case NeedRegistered():
                return self._replace(registered={**self.registered, fact.need: fact})
            case NeedWithdrawn():
                return self._replace(withdrawn=self.withdrawn | {fact.need})
            case PrimaryClaimed():
                return self._replace(serving={**self.serving, fact.need: fact}, turns=max(self.turns, fact.turn))
            case PrimaryReleased():
                return self._replace(serving=_without(self.serving, fact), turns=max(self.turns, fact.turn))
            case Linked():
                return self._replace(links={**self.links, fact.need: fact}, turns=max(self.turns, fact.turn))
            case Unlinked():
                return self._replace(links=_without(self.links, fact))
            case _:
                changed = disclosures.evolve(self.disclosures, fact)
                return self if changed is self.disclosures else self._replace(disclosures=changed)


class UnknownReferral(NamedTuple):
    """A stream without a stored referral.

    It can have needs for a moment while a journal is folded: of all `ReferralStored` facts only the last is folded
    (see `Message.WHOLE`), so the facts between the first and the last come before it.
    """

    needs: Needs = Needs()


class Referral(NamedTuple):
    """A referral that intake has stored."""

    stored: ReferralStored
    needs: Needs

    def after(self, fact: Message) -> "Referral":
        """The referral after a fact."""
        if isinstance(fact, ReferralStored):
            return self._replace(stored=fact)
        return self._replace(needs=self.needs.after(fact))

    def may_keep(self, disclosure: Disclosure) -> list[PersonalField]:
        """The fields that the provider may keep: none once its attempt has ended without delivery.

        A provider that has delivered keeps what consent still grants, even when the need is withdrawn later.
        """
        if disclosure.end is not None and disclosure.end not in DELIVERED:
            return []
        return granted_fields(self.stored.consent.grants, disclosure.request.provider, self.stored.may_contact)

    def fields_due(self, disclosure: Disclosure) -> list[PersonalField]:
        """The fields to release to the provider now: granted, not yet released, and only while it has the need.

        After a correction of the person all granted fields are due again.
        """
        if disclosure.end is not None or disclosure.request.need not in self.needs.open:
            return []
        is_current = disclosure.digest == self.stored.personal.digest
        released = disclosure.fields if is_current else frozenset[PersonalField]()
        return [field for field in self.may_keep(disclosure) if field not in released]


State = UnknownReferral | Referral


def evolve(state: State, fact: Message) -> State:
    """The state after a fact."""
    match state, fact:
        case Referral(), _:
            return state.after(fact)
        case _, ReferralStored():
            return Referral(fact, state.needs)
        case _:
            return UnknownReferral(state.needs.after(fact))


_Row = TypeVar("_Row", PrimaryClaimed, Linked)


def _without(rows: Mapping[str, _Row], ended: PrimaryReleased | Unlinked) -> Mapping[str, _Row]:
    return {need: row for need, row in rows.items() if (row.row, row.turn) != (ended.row, ended.turn)}
