"""The decisions of matching: which service a need is offered, who waits, and when it is over.

A match is a claimed row in ``places`` and the fact `Matched`. A row is deleted only by a decision that is journaled
with it, so that a writer that was frozen meanwhile loses its race instead of the place.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce

from contracts import intake, matching, notification, topics
from contracts.base import Message
from contracts.intake import Accepted
from contracts.matching import Eliminated, Matched
from contracts.operations import TimerElapsed
from contracts.words import ALREADY_SERVED, HeldBack, Lifecycle, Rule
from services.chassis.decider import Arrived, Claim, Drop, Effect, Emit, Put, SetTimer

from . import facts, places, ranking, waiting
from .directory import Entry
from .eligibility import failing, funnel
from .facts import Outcome, Refusal
from .limits import Limits
from .outside import Given, subject
from .state import Need, Phase, evolve, row_of
from .waiting import Waiter, precedence

WAIT_OVER = "wait-over"
"""The timer of the wait's end."""


def _by_type(*models: type[Message]) -> dict[str, type[Message]]:
    return {model.ce_type(): model for model in models}


class MatchingPolicy:
    """The Decider of matching. What it needs from outside comes as `outside.Given`."""

    handles: Mapping[str, type[Message]] = _by_type(
        intake.Accepted,
        intake.Withdrawn,
        notification.Declined,
        notification.Expired,
        notification.Delivered,
        notification.NotDelivered,
        matching.WaitingRecalled,
        matching.PlaceDoubtful,
        TimerElapsed,
    )
    facts: Mapping[str, type[Message]] = _by_type(
        matching.Matched,
        matching.Waiting,
        matching.Unmet,
        matching.MatchRevoked,
        matching.NeedKept,
        matching.NeedEnded,
        matching.AttemptEnded,
        matching.PlaceDisowned,
        matching.WaitingRecalled,
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def stream(self, event: Message) -> str:
        """The need's id."""
        return subject(event)

    def initial(self, stream: str) -> Need:
        """A need that intake has not spoken of."""
        return Need()

    def evolve(self, state: Need, fact: Message) -> Need:
        """See `state.evolve`."""
        return evolve(state, fact)

    def collide(self, state: Need, event: Arrived) -> Sequence[Effect]:
        """Nobody to answer: all events come from our own services."""
        return []

    def decide(self, state: Need, event: Arrived, now: datetime, given: Given) -> Sequence[Effect]:
        """What follows; then rows that are not the need's any more, and who is told of the places given back."""
        need = subject(event.data)
        effects = self._follows(state, event.data, now, given)
        after = reduce(evolve, (each.event for each in effects if isinstance(each, Emit)), state)
        effects += _disown(need, event.key, after, effects, given)
        return [*effects, *self._recall(need, effects, now, given)]

    def _follows(self, state: Need, event: Message, now: datetime, given: Given) -> list[Effect]:
        match event:
            case intake.Accepted():
                return self._accepted(state, event, now, given)
            case intake.Withdrawn():
                return _withdrawn(state)
            case notification.Declined() | notification.Expired():
                return self._refused(state, event, now, given)
            case notification.Delivered() | notification.NotDelivered():
                return _over(state, event)
            case matching.WaitingRecalled():
                return self._recalled(state, event.need_id, now, given)
            case TimerElapsed(name=name) if name == WAIT_OVER and not _told_served(state):
                due = state.until is not None and state.until <= min(event.due_at, now)
                return self._place(state, now, given) if due and state.phase is Phase.WAITING else []
            case _:  # a doubtful place is answered by `_disown`
                return []

    # events ----------------------------------------------------------------------------------------------------------

    def _accepted(self, state: Need, asked: Accepted, now: datetime, given: Given) -> list[Effect]:
        """A new need, or a correction. A match that still holds is kept: the provider may have started."""
        old = state.accepted
        if state.phase is Phase.ENDED or (old is not None and asked.revision <= old.revision):
            return []
        kept = matching.NeedKept(accepted=asked)
        corrected = evolve(state, kept)
        if state.match is None:
            return [Emit(kept), *self._place(corrected, now, given)]
        if self._still_fits(asked, state.match, now, given):
            return [Emit(kept)]
        revoked = facts.revoked(state.match, "corrected")
        placed = self._place(evolve(corrected, revoked), now, given)
        return [Emit(kept), Emit(revoked, topics.MATCHING), _give_back(state.match), *placed]

    def _refused(self, state: Need, event: Refusal, now: datetime, given: Given) -> list[Effect]:
        """The attempt has failed: on to the next service, or to the waiting list."""
        match = state.match
        if match is None or event.attempt != match.attempt:
            return []
        service = state.service or ""
        # Ruled out until a newer entry than the newest of now: one published before the refusal does not lift it.
        entry = given.directory.get(service)
        version = entry.version if entry else match.version
        ended = facts.attempt_ended(match, service, version, event, now)
        return [Emit(ended), _give_back(match), *self._place(evolve(state, ended), now, given)]

    def _recalled(self, state: Need, need: str, now: datetime, given: Given) -> list[Effect]:
        """Look again; and clear away rows of waits that are over, which repeated events have put there again."""
        waits = state.phase is Phase.WAITING
        # A later turn than the state's is of a wait that this matcher has not heard of yet: not its to judge.
        over = [turn for turn in given.lines.turns(need) if turn < state.turn or (turn == state.turn and not waits)]
        found = self._match(state, now, given)[0] if waits else []
        return [*found, *(_leave_list(need, turn) for turn in sorted(over))]

    # placing ---------------------------------------------------------------------------------------------------------

    def _place(self, state: Need, now: datetime, given: Given) -> list[Effect]:
        """Match a need that has no match; else let it wait; else it is unmet."""
        need = state.waiter(now).need
        found, steps = self._match(state, now, given)
        exhausted = len(state.tried) >= self._limits.max_attempts
        if found and not exhausted:
            return found
        if exhausted or (state.until is not None and state.until <= now):
            cause = facts.ATTEMPTS_EXHAUSTED if exhausted else facts.cause_of(steps)
            unmet = facts.unmet(need, state.attempt, cause, steps)
            return [Emit(unmet, topics.MATCHING), *_off_list(state)]
        until = state.until or now + self._limits.wait[need.urgency]
        code = ALREADY_SERVED if _told_served(state) else None
        waits = facts.waiting(need, state.attempt, state.since or now, until, steps, code)
        # One timer for all waits of a need, since they have one end.
        timer = [SetTimer(WAIT_OVER, until)] if state.until is None else []
        waiter = evolve(state, waits).waiter(now)
        listed = (
            [] if need.held_back else [Put(waiting.TABLE, waiting.row_id(waiter.id, waiter.turn), waiting.row(waiter))]
        )
        return [Emit(waits, topics.MATCHING), *listed, *_off_list(state), *timer]

    def _match(self, state: Need, now: datetime, given: Given) -> tuple[list[Effect], list[Eliminated]]:
        """What a match with the best service that has a place for it takes; nothing if none has. And the funnel."""
        waiter = state.waiter(now)
        need, attempt = waiter.need, state.attempt + 1
        match = places.match_id(need.need_id, attempt)
        eligible, steps = funnel(waiter.case(now, self._limits.retry_after), given.directory.of(need.category))
        offers = [(entry, given.places.free(entry, need.need_id, match)) for entry in eligible]
        ranked = ranking.rank(need, (each for each in offers if self._available(waiter, *each, now, given)))
        if need.held_back:  # it waits like any other, and stands in nobody's way
            ranked = []
        if eligible:
            steps.append(Eliminated(rule=Rule.PLACE, left=len(ranked)))
        if not ranked:
            return [], steps
        best = ranked[0]
        slot = given.places.pick(best.entry, need.need_id, match)
        doc = places.document(need.need_id, match, best.entry.id, need.referral_id)
        matched = facts.matched(need, attempt, best, slot, match, steps)
        claim = Claim(places.TABLE, places.row_id(best.entry.id, slot), doc)
        return [claim, Emit(matched, topics.MATCHING), *_off_list(state)], steps

    def _available(self, waiter: Waiter, entry: Entry, free: int, now: datetime, given: Given) -> bool:
        """Whether a place is left when all who wait for this service and rank above the need have had theirs."""
        if free == 0:
            return False
        line = given.lines.of(entry, now, self._limits)
        above = bisect_left(line, (precedence(waiter, now, self._limits.patience),))
        # The need may stand in the line itself, so one more than there are places has to be looked at.
        return sum(each.id != waiter.id for _, each in line[: min(above, free + 1)]) < free

    def _still_fits(self, asked: Accepted, match: Matched, now: datetime, given: Given) -> bool:
        """Whether the match could be made as the need is now. That the service has closed since is no reason."""
        if asked.category is not match.category:
            return False
        entry = given.directory.get(places.service_of(row_of(match)))
        afresh = Waiter(asked, (), now, 0).case(now, self._limits.retry_after)
        return entry is None or failing(afresh, entry) in (None, Rule.OPEN)

    def _recall(self, need: str, effects: Sequence[Effect], now: datetime, given: Given) -> list[Effect]:
        """For each place given back, tell the first in line for it. It may get lost: the sweep tells it again."""
        told = {need, *given.recalled}  # the need's own row says how it stood before
        found: list[Effect] = []
        for row in _given_back(effects):
            entry = given.directory.get(places.service_of(row))
            if entry is None:
                continue
            first = next((each for _, each in given.lines.of(entry, now, self._limits) if each.id not in told), None)
            if first is not None:
                told.add(first.id)
                found.append(facts.recalled(first.need))
        return found


def _told_served(state: Need) -> bool:
    """Its agency knows why it waits: until intake says more, and to no end of its own."""
    return state.accepted is not None and state.accepted.held_back is HeldBack.TOLD


def _withdrawn(state: Need) -> list[Effect]:
    if state.accepted is None or state.phase is Phase.ENDED:
        return []
    ended = Emit(facts.need_ended(state.accepted, state.attempt, Lifecycle.WITHDRAWN), topics.MATCHING)
    if state.match is None:
        return [ended, *_off_list(state)]
    return [Emit(facts.revoked(state.match, "withdrawn"), topics.MATCHING), ended, _give_back(state.match)]


def _over(state: Need, event: Outcome) -> list[Effect]:
    """Of another attempt than the one that holds the place: of no consequence, it was revoked in time."""
    if state.accepted is None or state.match is None or event.attempt != state.match.attempt:
        return []
    ended = facts.need_ended(state.accepted, state.attempt, facts.end_of(event))
    return [Emit(ended, topics.MATCHING), _give_back(state.match)]


def _disown(need: str, referral: str, after: Need, effects: Sequence[Effect], given: Given) -> list[Effect]:
    """Give back what the need holds beside its match: it was claimed, and then the claimer died or chose again."""
    leaving = set(_given_back(effects))
    found: list[Effect] = []
    for row, doc in given.places.held(need).items():
        own = after.match is not None and row == row_of(after.match) and doc["match"] == after.match.match_id
        if not own and row not in leaving:
            fact = matching.PlaceDisowned(referral_id=referral, need_id=need, row=row, match_id=doc["match"])
            found += [Emit(fact), Drop(places.TABLE, row, {"match": doc["match"]})]
    return found


def _give_back(match: Matched) -> Drop:
    return Drop(places.TABLE, row_of(match), {"match": match.match_id})


def _given_back(effects: Sequence[Effect]) -> list[str]:
    return [each.id for each in effects if isinstance(each, Drop) and each.table == places.TABLE]


def _leave_list(need: str, turn: int) -> Drop:
    return Drop(waiting.TABLE, waiting.row_id(need, turn))


def _off_list(state: Need) -> list[Drop]:
    """For a need that waits; nothing for one that doesn't."""
    if state.phase is not Phase.WAITING or state.accepted is None:
        return []
    return [_leave_list(state.accepted.need_id, state.turn)]
