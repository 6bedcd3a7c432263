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
from .placement import place
from .release import revoke
from .state import NeedState, Phase, evolve, folded
from .waiting import leave_list


def registered(state: NeedState, need: NeedRegistered, moment: Moment) -> Sequence[Effect]:
    """A new need, or a correction. Matches that still fit are kept: the provider may have started."""
    old = state.accepted
    if state.phase is Phase.ENDED or (old is not None and need.revision <= old.revision):
        return []
    directory = moment.context.directory
    kept = matching.NeedKept(accepted=need, hard_to_place=hard_to_place(need, directory))
    effects: list[Effect] = [Emit(kept)]
    if moment.limits.learns and not need.held_back:
        effects.append(observations.need_asked(need, directory))
    corrected = evolve(state, kept)
    revoked = revoke([match for match in state.matches if not still_fits(need, match, moment)], "corrected")
    after = folded(corrected, revoked)
    return [*effects, *revoked, *([] if after.matches else place(after, moment))]


def person_corrected(state: NeedState, moment: Moment) -> Sequence[Effect]:
    """The agency may have added what was asked for; the provider sees it when it is offered the need again.

    The fact is kept even where nothing was asked for: if the same event comes again, it must not answer what is asked
    for later.
    """
    if state.accepted is None or state.phase is Phase.ENDED:
        return []
    kept = matching.NeedKept(accepted=state.accepted, hard_to_place=state.hard_to_place)
    placed = place(evolve(state, kept), moment) if state.phase is Phase.HELD else []
    return [Emit(kept), *placed]


def withdrawn(state: NeedState) -> Sequence[Effect]:
    """The agency has withdrawn the need."""
    if state.accepted is None or state.phase is Phase.ENDED:
        return []
    ended = facts.need_ended(state.accepted, state.attempt, Lifecycle.WITHDRAWN, state.hard_to_place)
    return [*revoke(state.matches, "withdrawn"), Emit(ended, topics.MATCHING), *leave_list(state)]
