"""Releases places: who releases them, when, and which needs are recalled for them.

A row is deleted only by a decision that is journaled with it. So a writer that was frozen in the meantime loses its
race, and never somebody else's place.
"""

from collections.abc import Iterable, Sequence

from contracts import matching, notification, topics
from contracts.matching import Matched
from contracts.words import TAKEN_BY_ANOTHER
from services.chassis.decider import Drop, Effect, Emit, Put

from ..capacity import places
from ..directory import entry_flags
from ..pricing import observations
from ..waitlist.queue import QueuedNeed, Waiter
from . import facts
from .context import Moment
from .state import EndedNeed, NeedState, folded, matches_of, rows_of, service_of


def release(match: Matched) -> list[Drop]:
    """Delete the place rows of a match."""
    return [Drop(places.TABLE, row, {"match": match.match_id}) for row in rows_of(match)]


def revoke(matches: Iterable[Matched], cause: str) -> list[Effect]:
    """Revoke matches and release their places."""
    effects: list[Effect] = []
    for match in matches:
        effects += [Emit(facts.revoked(match, cause), topics.MATCHING), *release(match)]
        if cause != TAKEN_BY_ANOTHER:  # such a match was never accepted: no stay has begun
            effects.append(observations.stay_broken_off(match))
    return effects


def release_after_help(match: Matched, event: notification.Outcome, moment: Moment) -> list[Effect]:
    """Release the places of a match that has ended. Where the help used them up, only when the quota is renewed."""
    entry = moment.context.directory.get(service_of(match))
    until = entry.service.quota_until if entry else None
    if until is None or until < moment.now.date() or isinstance(event, notification.NotDelivered):
        return [*release(match)]
    return [Emit(facts.place_used(match, until))]


def release_orphaned_rows(
    need: str, referral: str, state: NeedState, effects: Sequence[Effect], moment: Moment
) -> list[Effect]:
    """Release rows that name the need and belong to none of its matches.

    Such a row was claimed, and then the claimer died or chose again. The places of a quota return in the same way, once
    it is renewed.
    """
    held = moment.context.places.held(need)
    if not held:
        return []
    after, released = folded(state, effects), set(_released_rows(effects))
    own = {(row, match.match_id) for match in matches_of(after) for row in rows_of(match)}
    if isinstance(after, EndedNeed) and after.used is not None and moment.now.date() <= after.used.until:
        own |= {(row, after.used.match_id) for row in after.used.rows}
    orphaned: list[Effect] = []
    for row, doc in held.items():
        if (row, doc["match"]) not in own and row not in released:
            fact = matching.PlaceDisowned(referral_id=referral, need_id=need, row=row, match_id=doc["match"])
            orphaned += [Emit(fact), Drop(places.TABLE, row, {"match": doc["match"]})]
    return orphaned


def recall_waiting(need: str, effects: Sequence[Effect], moment: Moment) -> list[Effect]:
    """Recall the first waiting need for each released place. A recall may get lost: the sweep repeats it."""
    now, context, limits = moment
    passed_over = {need, *context.recalled}  # the need's own row shows how it stood before this decision
    full = {each.id for each in effects if isinstance(each, Put) and each.table == entry_flags.FULL}
    recalls: list[Effect] = []
    for row in _released_rows(effects):
        entry = context.directory.get(places.service_of(row))
        if entry is None or context.entry_flags.full(entry) or entry.version in full:
            continue
        first = _first(context.waiting_queues.queue_of(entry, now, limits), passed_over)
        passed_over.update(each.id for each in first)
        recalls += [facts.recalled(each.need) for each in first]
    return recalls


def _first(queue: Iterable[QueuedNeed], passed_over: set[str]) -> list[Waiter]:
    """The first need in the queue. If that is a household, one place may not do: also the first that takes only one."""
    first: list[Waiter] = []
    for _, waiter in queue:
        if waiter.id in passed_over:
            continue
        single = waiter.need.places == 1
        if single or not first:
            first.append(waiter)
        if single:
            break
    return first


def _released_rows(effects: Sequence[Effect]) -> list[str]:
    return [each.id for each in effects if isinstance(each, Drop) and each.table == places.TABLE]
