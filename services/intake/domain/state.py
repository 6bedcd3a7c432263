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

from . import disclosures
from .disclosures import Holdings

_NONE: Mapping[Any, Any] = {}


class Referral(NamedTuple):
    """The fold of intake's facts. `accepted` holds intake's latest word on each need, by the agency's label.

    `holdings` are the providers that have taken a need up, and what they have been given.
    `serving` are the needs that have a row of ``served``, `links` those that wait for another's; `turns` counts both.
    """

    held: ReferralStored | None = None
    accepted: Mapping[str, NeedRegistered] = _NONE
    withdrawn: frozenset[str] = frozenset()
    holdings: Holdings = _NONE
    serving: Mapping[str, PrimaryClaimed] = _NONE
    links: Mapping[str, Linked] = _NONE
    turns: int = 0

    @property
    def open(self) -> list[str]:
        """Labels of needs that were accepted and not withdrawn, in the order they came."""
        return [need for need in self.accepted if need not in self.withdrawn]

    def after(self, fact: Message) -> "Referral":
        """The referral after a fact."""
        match fact:
            case ReferralStored():
                return self._replace(held=fact)
            case NeedRegistered():
                return self._replace(accepted={**self.accepted, fact.need: fact})
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
                changed = disclosures.evolve(self.holdings, fact)
                return self if changed is self.holdings else self._replace(holdings=changed)


_Row = TypeVar("_Row", PrimaryClaimed, Linked)


def _without(rows: Mapping[str, _Row], ended: PrimaryReleased | Unlinked) -> Mapping[str, _Row]:
    return {need: each for need, each in rows.items() if (each.row, each.turn) != (ended.row, ended.turn)}
