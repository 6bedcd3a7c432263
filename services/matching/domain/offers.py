"""What became of the offers: a provider accepted, declined, did not answer, or reported the outcome."""

from collections.abc import Sequence

from contracts import notification, topics
from contracts.matching import Matched
from contracts.steps import DeclineStep
from contracts.words import TAKEN_BY_ANOTHER
from services.chassis.decider import Effect, Emit

from ..pricing import observations
from . import facts
from .context import Moment
from .declines import flag_entry, step_of
from .placement import place_again
from .release import release, release_after_help, revoke
from .state import LiveNeed, MatchedNeed, NeedState, evolve, folded, match_of, matches_of, service_of
from .waiting import leave_list


def accepted(state: NeedState, event: notification.OfferAccepted, moment: Moment) -> Sequence[Effect]:
    """Of several services asked at once, the first to accept keeps its place; the matches of the others are revoked.

    Also where a correction has just revoked the match of the first: notification has already withdrawn the other
    offers.
    """
    if not isinstance(state, MatchedNeed):
        return []
    rivals = [each for each in state.matches if each.attempt != event.attempt and _asked_at_once(each, event.attempt)]
    revoked = revoke(rivals, TAKEN_BY_ANOTHER)
    match = match_of(state, event.attempt)
    begun = observations.stay_begun(match, event.at) if match else []
    return [*revoked, *begun, *place_again(folded(state, revoked), moment)]


def refused(state: NeedState, event: notification.Refusal, moment: Moment) -> Sequence[Effect]:
    """The attempt has failed. Of several made at once, the last failure decides what follows for the need."""
    match = match_of(state, event.attempt)
    if match is None or not isinstance(state, MatchedNeed):
        return []
    service = service_of(match)
    # Ruled out until an entry newer than today's newest: one published before the refusal does not lift it.
    entry = moment.context.directory.get(service)
    version = entry.version if entry else match.version
    ended = facts.attempt_ended(match, service, version, event, moment.now)
    after, step = evolve(state, ended), step_of(event)
    effects = [Emit(ended), *release(match), *flag_entry(match, event, moment), *_stay_ended(match, event)]
    if step is DeclineStep.CLOSE:
        closed = Emit(facts.closed(match, state.record.attempt, ended.code), topics.MATCHING)
        return [*effects, *revoke(matches_of(after), ended.code), closed]
    # If only one service was asked, what it asks for comes first. If several were, it is no reason to lose time.
    paused = step is DeclineStep.WAIT or (step is DeclineStep.ASK_AGENCY and match.broadcast is None)
    return [*effects, *place_again(after, moment, paused=paused)]


def ended(state: NeedState, event: notification.Outcome, moment: Moment) -> Sequence[Effect]:
    """The provider reported the outcome, so the need has ended.

    Also where the match was revoked in the meantime: notification received the outcome before the revocation.
    """
    if not isinstance(state, LiveNeed):
        return []
    match = match_of(state, event.attempt)
    released = [*release_after_help(match, event, moment), *_stay_ended(match, event)] if match else []
    others = [each for each in matches_of(state) if each is not match]
    end = Emit(facts.need_ended(state.record, facts.end_of(event)), topics.MATCHING)
    return [*revoke(others, TAKEN_BY_ANOTHER), end, *released, *leave_list(state)]


def _stay_ended(match: Matched, event: notification.Refusal | notification.Outcome) -> Sequence[Effect]:
    if isinstance(event, notification.Delivered | notification.NotDelivered):
        return observations.stay_ended(match, event.at)
    had_accepted = isinstance(event, notification.Expired) and event.code is not None
    return [observations.stay_broken_off(match)] if had_accepted else []


def _asked_at_once(match: Matched, attempt: int) -> bool:
    """Whether the offer of that attempt was made at once with this match's."""
    broadcast = match.broadcast
    return broadcast is not None and broadcast.first <= attempt < broadcast.first + broadcast.offers
