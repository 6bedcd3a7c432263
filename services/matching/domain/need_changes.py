"""What intake publishes about a need: it is registered, corrected or withdrawn."""

from collections.abc import Sequence

from contracts import matching, topics
from contracts.intake import NeedRegistered
from contracts.words import Lifecycle
from services.chassis.decider import Effect, Emit

from ..directory.hard_to_place import hard_to_place
from ..pricing import observations
from . import facts
from .context import Moment
from .matches import still_fits
from .placement import place_again
from .release import revoke
from .state import HeldNeed, LiveNeed, NeedState, UnknownNeed, folded, kept, matches_of
from .waiting import leave_list


def registered(state: NeedState, need: NeedRegistered, moment: Moment) -> Sequence[Effect]:
    """A new need, or a correction. Matches that still fit are kept: the provider may have started."""
    if not _is_news(state, need):
        return []
    directory = moment.context.directory
    fact = matching.NeedKept(accepted=need, hard_to_place=hard_to_place(need, directory))
    effects: list[Effect] = [Emit(fact)]
    if moment.limits.learns and not need.held_back:
        effects.append(observations.need_asked(need, directory))
    revoked = revoke([match for match in matches_of(state) if not still_fits(need, match, moment)], "corrected")
    after = folded(state, [Emit(fact), *revoked])
    return [*effects, *revoked, *place_again(after, moment)]


def _is_news(state: NeedState, need: NeedRegistered) -> bool:
    if isinstance(state, LiveNeed):
        return need.revision > state.record.accepted.revision
    return isinstance(state, UnknownNeed)


def person_corrected(state: NeedState, moment: Moment) -> Sequence[Effect]:
    """The agency may have added what was asked for; the provider sees it when it is offered the need again.

    The fact is kept even where nothing was asked for: if the same event comes again, it must not answer what is asked
    for later.
    """
    if not isinstance(state, LiveNeed):
        return []
    fact = matching.NeedKept(accepted=state.record.accepted, hard_to_place=state.record.hard_to_place)
    placed = place_again(kept(state, fact), moment) if isinstance(state, HeldNeed) else []
    return [Emit(fact), *placed]


def withdrawn(state: NeedState) -> Sequence[Effect]:
    """The agency has withdrawn the need."""
    if not isinstance(state, LiveNeed):
        return []
    ended = Emit(facts.need_ended(state.record, Lifecycle.WITHDRAWN), topics.MATCHING)
    return [*revoke(matches_of(state), "withdrawn"), ended, *leave_list(state)]
