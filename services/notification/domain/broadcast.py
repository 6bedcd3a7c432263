"""Several offers of one need at once. The first acceptance, in the order of the need's stream, gets the person.

All other offers are revoked in the same decision, so at no moment do two providers believe they have the person.
Each offer of a broadcast is an event of its own, so the rest may be read after the broadcast has been decided: such an
offer ends as it begins, and its provider never learns of it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import reduce

from contracts import matching, notification, provider
from contracts.words import TAKEN_BY_ANOTHER
from services.chassis.decider import Effect, Emit

from .messages import fact, offer_fields, provider_fields, to_provider
from .offer import Ended, OfferTerms, OpenOffer, has_accepted
from .state import Offers, evolve
from .transitions import HELPED

SUPERSEDED = "superseded"


def revoke(state: Offers, offer: OpenOffer, cause: str, now: datetime) -> list[Effect]:
    """Take an offer back, and inform its provider."""
    revoked = notification.Revoked(**offer_fields(offer), at=now, cause=cause, others_open=state.others_open(offer))
    closed = provider.OfferClosed(**provider_fields(offer), reason=cause)
    return [fact(offer, revoked), to_provider(offer, closed)]


def state_after(state: Offers, effects: Iterable[Effect]) -> Offers:
    """The state to which the facts among the effects lead."""
    return reduce(evolve, (each.event for each in effects if isinstance(each, Emit)), state)


def decide_in_turn(
    state: Offers, offers: Iterable[OpenOffer], decide: Callable[[Offers, OpenOffer], Sequence[Effect]]
) -> list[Effect]:
    """The effects of `decide` for each offer, each decided on the state that the ones before it lead to."""
    all_effects: list[Effect] = []
    for offer in offers:
        effects = decide(state, offer)
        state = state_after(state, effects)
        all_effects += effects
    return all_effects


def revoke_rivals(state: Offers, winner: OfferTerms, at: datetime) -> list[Effect]:
    """Revoke the other open offers of the broadcast. `state` is the state after `winner` was accepted."""
    rivals = [each for each in state.rivals(winner) if not isinstance(each, Ended)]
    return decide_in_turn(state, rivals, lambda then, offer: revoke(then, offer, TAKEN_BY_ANOTHER, at))


def revoke_superseded(state: Offers, match: matching.Matched, now: datetime) -> list[Effect]:
    """Revoke what is still open from earlier matches, so that two providers never hold the need.

    Matching revokes a match before it makes the next one; this is the second safeguard.
    """
    earlier = [each for each in state.open if each.terms.broadcast is None or each.terms.broadcast != match.broadcast]
    return decide_in_turn(state, earlier, lambda then, offer: revoke(then, offer, SUPERSEDED, now))


def comes_too_late(state: Offers, match: matching.Matched) -> bool:
    """Whether another offer of the broadcast was accepted before this one was read, or help was given meanwhile."""
    same_broadcast = [each for each in state.all if each.terms.broadcast and each.terms.broadcast == match.broadcast]
    return any(has_accepted(each) for each in same_broadcast) or any(each.phase in HELPED for each in state.all)
