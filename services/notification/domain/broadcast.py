"""Several offers of one need at once: the first acceptance, in the order of the need's stream, has it.

Every offer but that one is taken back in the same decision, so at no moment can two providers believe that they have
the person. The rest of a broadcast may be read only after it is over, since each offer is an event of its own: such a
one ends as it begins, and its provider never hears of it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import reduce

from contracts import matching, notification, provider
from contracts.words import TAKEN_BY_ANOTHER
from services.chassis.decider import Effect, Emit

from .messages import fact, of, to, to_provider
from .state import HELPED, Offer, Offers, evolve


def close(state: Offers, offer: Offer, cause: str, now: datetime) -> list[Effect]:
    """Take an offer back, and tell its provider."""
    revoked = notification.Revoked(**of(offer), at=now, cause=cause, others_open=state.others_open(offer))
    return [fact(offer, revoked), to_provider(offer, provider.OfferClosed(**to(offer), reason=cause))]


def each_in_turn(
    state: Offers, offers: Iterable[Offer], decide: Callable[[Offers, Offer], Sequence[Effect]]
) -> list[Effect]:
    """What follows for each, decided on the state that the one before has left."""
    effects: list[Effect] = []
    for offer in offers:
        found = decide(state, offer)
        state = reduce(evolve, (each.event for each in found if isinstance(each, Emit)), state)
        effects += found
    return effects


def taken(state: Offers, winner: Offer, at: datetime) -> list[Effect]:
    """The others are taken back: `winner` was first. `state` is that after its acceptance."""
    rivals = [each for each in state.beside(winner) if each.open]
    return each_in_turn(state, rivals, lambda now, offer: close(now, offer, TAKEN_BY_ANOTHER, at))


def superseded(state: Offers, match: matching.Matched, now: datetime) -> list[Effect]:
    """Matching revokes before it matches anew; should it ever not, no two providers may hold the need at once."""
    earlier = [each for each in state.open if each.broadcast is None or each.broadcast != match.broadcast]
    return each_in_turn(state, earlier, lambda then, offer: close(then, offer, "superseded", now))


def is_over(state: Offers, match: matching.Matched) -> bool:
    """Whether the offer comes too late: one of the same broadcast was accepted, or help was given meanwhile."""
    beside = [each for each in state.all if each.broadcast is not None and each.broadcast == match.broadcast]
    return any(each.accepted for each in beside) or any(each.phase in HELPED for each in state.all)
