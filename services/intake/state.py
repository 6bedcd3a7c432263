"""What intake knows of one referral. Stream: the referral's id."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from contracts.base import Message
from contracts.intake import Accepted, Held, Withdrawn

from . import holdings
from .holdings import Holdings


@dataclass(frozen=True, slots=True)
class Referral:
    """The fold of intake's facts. `accepted` holds intake's latest word on each need, by the agency's label.

    `holdings` are the providers that have taken a need up, and what they have been given.
    """

    held: Held | None = None
    accepted: Mapping[str, Accepted] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    holdings: Holdings = field(default_factory=dict)

    @property
    def open(self) -> list[str]:
        """Labels of needs that were accepted and not withdrawn, in the order they came."""
        return [need for need in self.accepted if need not in self.withdrawn]

    def after(self, fact: Message) -> "Referral":
        """The referral after a fact."""
        match fact:
            case Held():
                return replace(self, held=fact)
            case Accepted():
                return replace(self, accepted={**self.accepted, fact.need: fact})
            case Withdrawn():
                return replace(self, withdrawn=self.withdrawn | {fact.need})
            case _:
                changed = holdings.evolve(self.holdings, fact)
                return self if changed is self.holdings else replace(self, holdings=changed)
