"""Makes the matches of a need: claims places at the services chosen, and checks matches after a correction."""

from collections.abc import Sequence
from typing import NamedTuple

from contracts import topics
from contracts.intake import NeedRegistered
from contracts.matching import Broadcast, Matched
from services.chassis.decider import Claim, Effect, Emit

from ..capacity import places
from ..eligibility.rules import agreed, fits_when_open
from ..waitlist.queue import Waiter
from . import facts
from .choice import Choice, choose
from .context import Moment
from .rationale import weigh
from .state import UnplacedNeed, rows_of, service_of, waiter_of
from .waiting import leave_list


class MatchAttempt(NamedTuple):
    """The effects of matching a need, empty where no service has a place for it; and the choice they come from."""

    effects: Sequence[Effect]
    choice: Choice


def match_need(state: UnplacedNeed, moment: Moment) -> MatchAttempt:
    """Match a need with the best services that have a place for it, and take it off the waiting list."""
    waiter, record = waiter_of(state, moment.now), state.record
    need, first = record.accepted, record.attempt + 1
    match_id = places.match_id(need.need_id, first)
    choice = choose(waiter, match_id, moment)
    if not choice.chosen:
        return MatchAttempt([], choice)
    broadcast = Broadcast(first=first, offers=len(choice.chosen)) if len(choice.chosen) > 1 else None
    weighed = weigh(choice, choice.chosen, moment)
    effects: list[Effect] = []
    for attempt, candidate in enumerate(choice.chosen, first):
        matched = facts.matched(
            need,
            attempt,
            candidate,
            moment.context.places.pick(candidate.entry, need.need_id, match_id, need.places),
            match_id,
            choice.funnel,
            broadcast,
            weighed if attempt == first else None,
            record.hard_to_place,
            choice.charges.price_set,
            moment.now,
        )
        doc = places.document(need.need_id, match_id, candidate.entry.id, need.referral_id)
        effects += [Claim(places.TABLE, row, doc) for row in rows_of(matched)]
        effects.append(Emit(matched, topics.MATCHING))
    return MatchAttempt([*effects, *leave_list(state)], choice)


def still_fits(need: NeedRegistered, match: Matched, moment: Moment) -> bool:
    """Whether the match could be made with the need as it is now. That the service has closed since does not matter."""
    same = need.category is match.category and need.places == len(rows_of(match))
    if not (same and agreed(need, match.provider)):
        return False
    entry = moment.context.directory.get(service_of(match))
    untried = Waiter(need, (), moment.now, 0).case(moment.now, moment.limits.retry_after)
    return entry is None or fits_when_open(untried, entry)
