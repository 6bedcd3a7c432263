"""Places that are given back: by whom, when, and who is told of them.

A row is deleted only by a decision that is journaled with it, so a writer that was frozen meanwhile loses its race
instead of the place.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts import matching, notification, topics
from contracts.matching import Matched
from contracts.words import TAKEN_BY_ANOTHER
from services.chassis.decider import Drop, Effect, Emit, Put

from ..capacity import places
from ..directory import entry_flags
from ..model.limits import Limits
from ..pricing import observations
from ..waitlist.queue import Waiter
from . import facts
from .context import MatchingContext
from .state import NeedState, folded, rows_of, service_of


def give_back(match: Matched) -> list[Drop]:
    """The places of a match are free, once this is carried out."""
    return [Drop(places.TABLE, row, {"match": match.match_id}) for row in rows_of(match)]


def revoke(matches: Iterable[Matched], cause: str) -> list[Effect]:
    """Take matches back, and their places."""
    found: list[Effect] = []
    for match in matches:
        found += [Emit(facts.revoked(match, cause), topics.MATCHING), *give_back(match)]
        if cause != TAKEN_BY_ANOTHER:  # else it was not accepted
            found.append(observations.broken_off(match))
    return found


def leave(match: Matched, event: notification.Outcome, now: datetime, context: MatchingContext) -> list[Effect]:
    """Give its place back; where it was used up by the help that was given, only when the quota is renewed."""
    entry = context.directory.get(service_of(match))
    until = entry.service.quota_until if entry else None
    if until is None or until < now.date() or isinstance(event, notification.NotDelivered):
        return [*give_back(match)]
    return [Emit(facts.place_used(match, until))]


def disown(
    need: str, referral: str, state: NeedState, effects: Sequence[Effect], now: datetime, context: MatchingContext
) -> list[Effect]:
    """Give back what the need holds beside its matches: it was claimed, and then the claimer died or chose again.

    So come back the places of a quota, too, when it is renewed.
    """
    held = context.places.held(need)
    if not held:
        return []
    after, leaving = folded(state, effects), set(_given_back(effects))
    own = {(row, match.match_id) for match in after.matches for row in rows_of(match)}
    if after.used is not None and now.date() <= after.used.until:
        own |= {(row, after.used.match_id) for row in after.used.rows}
    found: list[Effect] = []
    for row, doc in held.items():
        if (row, doc["match"]) not in own and row not in leaving:
            fact = matching.PlaceDisowned(referral_id=referral, need_id=need, row=row, match_id=doc["match"])
            found += [Emit(fact), Drop(places.TABLE, row, {"match": doc["match"]})]
    return found


def recall(need: str, effects: Sequence[Effect], now: datetime, context: MatchingContext, limits: Limits) -> list[Effect]:
    """For each place given back, tell the first in line for it. It may get lost: the sweep tells it again."""
    told = {need, *context.recalled}  # the need's own row says how it stood before
    full = {each.id for each in effects if isinstance(each, Put) and each.table == entry_flags.FULL}
    found: list[Effect] = []
    for row in _given_back(effects):
        entry = context.directory.get(places.service_of(row))
        if entry is None or context.marks.full(entry) or entry.version in full:
            continue
        first = _first(each for _, each in context.lines.of(entry, now, limits) if each.id not in told)
        told.update(each.id for each in first)
        found += [facts.recalled(each.need) for each in first]
    return found


def _first(line: Iterable[Waiter]) -> list[Waiter]:
    """The first in line; and where that is a household, for which one place may not do, the first who wants but one."""
    found: list[Waiter] = []
    for each in line:
        if not found or each.need.places == 1:
            found.append(each)
        if each.need.places == 1:
            break
    return found


def _given_back(effects: Sequence[Effect]) -> list[str]:
    return [each.id for each in effects if isinstance(each, Drop) and each.table == places.TABLE]
