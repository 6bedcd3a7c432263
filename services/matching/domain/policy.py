"""The decisions of matching: which service a need is offered, who waits, and when it is over.

A match is a claimed row in ``places`` and the fact `Matched`; how places come back is in `returning`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts import intake, matching, notification, topics
from contracts.base import Message
from contracts.intake import NeedRegistered
from contracts.matching import Broadcast, FunnelStep, Matched
from contracts.operations import TimerElapsed
from contracts.steps import DeclineStep
from contracts.words import ALREADY_SERVED, TAKEN_BY_ANOTHER, Lifecycle
from services.chassis.decider import Claim, Drop, Effect, Emit, IncomingEvent, Put, Reply, SetTimer

from ..capacity import places
from ..directory import entry_flags, expiry
from ..directory.hard_to_place import hard_to_place
from ..eligibility.rules import agreed, fits_when_open
from ..model.entry import service_id
from ..model.limits import Limits
from ..pricing import observations
from ..ranking import score
from ..waitlist import queue
from ..waitlist.queue import Waiter
from . import facts
from .choice import Choice, choose, none_left
from .context import MatchingContext, subject
from .declines import of_service, step_of
from .rationale import weigh
from .recommendation import recommend
from .release import disown, give_back, leave, recall, revoke
from .state import NeedState, Phase, evolve, folded, rows_of, service_of

WAIT_OVER = "wait-over"
"""The timer of the wait's end."""
PATIENCE_OVER = "patience-over"
"""The timer of what a need should wait at most: it waits on, in the top class, and an operator is told."""


def _by_type(*models: type[Message]) -> dict[str, type[Message]]:
    return {model.ce_type(): model for model in models}


class MatchingPolicy:
    """The Decider of matching. What it needs from outside comes as `outside.MatchingContext`."""

    handles: Mapping[str, type[Message]] = _by_type(
        intake.NeedRegistered,
        intake.PersonCorrected,
        intake.NeedWithdrawn,
        intake.RecommendationAsked,
        notification.OfferAccepted,
        notification.Declined,
        notification.Expired,
        notification.Delivered,
        notification.NotDelivered,
        matching.WaitingRecalled,
        matching.PlaceDoubtful,
        matching.EntryLapses,
        TimerElapsed,
    )
    facts: Mapping[str, type[Message]] = _by_type(
        matching.Matched,
        matching.Waiting,
        matching.PatienceOver,
        matching.Unmet,
        matching.OnHold,
        matching.Closed,
        matching.MatchRevoked,
        matching.NeedKept,
        matching.NeedEnded,
        matching.AttemptEnded,
        matching.PlaceDisowned,
        matching.PlaceUsed,
        matching.WaitingRecalled,
        matching.LapseTold,
        notification.EntryDoubted,
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def stream(self, event: Message) -> str:
        """The need's id; a question has its own, a stream without facts, and so has an entry that lapses."""
        return subject(event)

    def initial(self, stream: str) -> NeedState:
        """A need that intake has not spoken of."""
        return NeedState()

    def evolve(self, state: NeedState, fact: Message) -> NeedState:
        """See `state.evolve`."""
        return evolve(state, fact)

    def on_id_reuse(self, state: NeedState, event: IncomingEvent) -> Sequence[Effect]:
        """Nobody to answer: all events come from our own services."""
        return []

    def decide(self, state: NeedState, event: IncomingEvent, now: datetime, context: MatchingContext) -> Sequence[Effect]:
        """What follows; then rows that are not the need's any more, and who is told of the places given back."""
        if isinstance(event.data, intake.RecommendationAsked):
            return [Reply(recommend(event.data, now, context, self._limits), topics.MATCHING)]
        if isinstance(event.data, matching.EntryLapses):
            return _tell_lapse(state, event.data, context)
        need = subject(event.data)
        effects = self._follows(state, event.data, now, context)
        effects += disown(need, event.key, state, effects, now, context)
        effects += recall(need, effects, now, context, self._limits)
        return effects if self._limits.learns else [each for each in effects if not observations.is_of(each)]

    def _follows(self, state: NeedState, event: Message, now: datetime, context: MatchingContext) -> list[Effect]:
        match event:
            case intake.NeedRegistered():
                return self._accepted(state, event, now, context)
            case intake.PersonCorrected():
                return self._person_corrected(state, now, context)
            case intake.NeedWithdrawn():
                return _withdrawn(state)
            case notification.OfferAccepted():
                return self._taken_up(state, event, now, context)
            case notification.Declined() | notification.Expired():
                return self._refused(state, event, now, context)
            case notification.NotDelivered() if step_of(event) is not DeclineStep.CLOSE:
                return self._refused(state, event, now, context)
            case notification.Delivered() | notification.NotDelivered():
                return _over(state, event, now, context)
            case matching.WaitingRecalled():
                return self._recalled(state, event.need_id, now, context)
            case TimerElapsed(name=name) if name == WAIT_OVER and not state.told_served:
                due = state.until is not None and state.until <= min(event.due_at, now)
                return self._place(state, now, context) if due and state.phase in (Phase.WAITING, Phase.HELD) else []
            case TimerElapsed(name=name) if name == PATIENCE_OVER:
                return self._patience_over(state, now, context)
            case _:  # a doubtful place is answered by `_disown`
                return []

    # events ----------------------------------------------------------------------------------------------------------

    def _accepted(self, state: NeedState, asked: NeedRegistered, now: datetime, context: MatchingContext) -> list[Effect]:
        """A new need, or a correction. Matches that still hold are kept: the provider may have started."""
        old = state.accepted
        if state.phase is Phase.ENDED or (old is not None and asked.revision <= old.revision):
            return []
        kept = matching.NeedKept(accepted=asked, hard_to_place=hard_to_place(asked, context.directory))
        corrected = evolve(state, kept)
        broken = [match for match in state.matches if not self._still_fits(asked, match, now, context)]
        revoked = revoke(broken, "corrected")
        after = folded(corrected, revoked)
        learned = [] if asked.held_back or not self._limits.learns else [observations.asked(asked, context.directory)]
        return [Emit(kept), *learned, *revoked, *([] if after.matches else self._place(after, now, context))]

    def _person_corrected(self, state: NeedState, now: datetime, context: MatchingContext) -> list[Effect]:
        """The agency may have added what was asked for; who asked sees for itself when it is offered the need again.

        Kept where nobody has asked, too: should the same event come again, it must not answer what is asked later.
        """
        if state.accepted is None or state.phase is Phase.ENDED:
            return []
        kept = matching.NeedKept(accepted=state.accepted, hard_to_place=state.hard_to_place)
        placed = self._place(evolve(state, kept), now, context) if state.phase is Phase.HELD else []
        return [Emit(kept), *placed]

    def _taken_up(
        self, state: NeedState, event: notification.OfferAccepted, now: datetime, context: MatchingContext
    ) -> list[Effect]:
        """Of several services asked at once, the first to accept keeps its place. The others give theirs back.

        Also where a correction has just taken the place of the first: notification has taken back the other offers.
        """
        others = [each for each in state.matches if each.attempt != event.attempt and _at_once(each, event.attempt)]
        revoked = revoke(others, TAKEN_BY_ANOTHER)
        after = folded(state, revoked)
        match = state.holds(event.attempt)
        learned = [*observations.answered(match, event), *observations.begun(match, event.at)] if match else []
        return [*revoked, *learned, *(self._place(after, now, context) if revoked and not after.matches else [])]

    def _refused(
        self, state: NeedState, event: notification.Refusal, now: datetime, context: MatchingContext
    ) -> list[Effect]:
        """The attempt has failed. Of several made at once, what follows for the need waits for the last of them."""
        match = state.holds(event.attempt)
        if match is None:
            return []
        service = service_of(match)
        # Ruled out until a newer entry than the newest of now: one published before the refusal does not lift it.
        entry = context.directory.get(service)
        version = entry.version if entry else match.version
        ended = facts.attempt_ended(match, service, version, event, now)
        after, step = evolve(state, ended), step_of(event)
        effects = [Emit(ended), *give_back(match), *of_service(match, event, context, self._limits.dispute_after)]
        effects += _learn_of_end(match, event)
        if step is DeclineStep.CLOSE:
            closed = Emit(facts.closed(match, state.attempt, ended.code), topics.MATCHING)
            return [*effects, *revoke(after.matches, ended.code), closed]
        if after.matches:
            return effects
        # Where only one was asked, what it asks for comes first. Where several were, it is no reason to lose time.
        pauses = step is DeclineStep.WAIT or (step is DeclineStep.ASK_AGENCY and match.broadcast is None)
        return [*effects, *self._place(after, now, context, pauses=pauses)]

    def _recalled(self, state: NeedState, need: str, now: datetime, context: MatchingContext) -> list[Effect]:
        """Look again; and clear away rows of waits that are over, which repeated events have put there again.

        The sweep asks everybody by and by, so an operator is told also where no timer was set, or it was set wrong.
        """
        waits = state.phase is Phase.WAITING
        # A later turn than the state's is of a wait that this matcher has not heard of yet: not its to judge.
        over = [turn for turn in context.lines.turns(need) if turn < state.turn or (turn == state.turn and not waits)]
        cleared: list[Effect] = [_leave_list(need, turn) for turn in sorted(over)]
        if not waits:
            return cleared
        found, choice = self._match(state, now, context)
        if not found and self._alerts(state, now):
            found = [_alert(state, choice.steps)]
        return [*found, *cleared]

    def _patience_over(self, state: NeedState, now: datetime, context: MatchingContext) -> list[Effect]:
        """Look again, since nothing but its age counts from now on; if that is in vain too, a human is told."""
        if state.phase is not Phase.WAITING or state.alerted:
            return []
        if now < self._patient_until(state):  # it was less patient when this was timed
            return [SetTimer(PATIENCE_OVER, self._patient_until(state))]
        if not self._alerts(state, now):
            return []
        found, choice = self._match(state, now, context)
        return found or [_alert(state, choice.steps)]

    # placing ---------------------------------------------------------------------------------------------------------

    def _place(self, state: NeedState, now: datetime, context: MatchingContext, *, pauses: bool = False) -> list[Effect]:
        """Match a need that has no match (not yet, if it `pauses`); else let it wait; else it is unmet."""
        need, asks = state.waiter(now).need, state.asks
        found, choice = self._match(state, now, context)
        exhausted = state.rounds >= self._limits.max_attempts
        over = state.until is not None and state.until <= now and not state.told_served
        if found and not exhausted and (over or not pauses):
            return found
        if exhausted or over:
            cause = facts.ATTEMPTS_EXHAUSTED if exhausted else asks.code if asks else facts.cause_of(choice.steps)
            weighed = weigh(choice, [], now, context, self._limits)
            unmet = facts.unmet(need, state.attempt, cause, choice.steps, weighed, state.hard_to_place)
            return [Emit(unmet, topics.MATCHING), *_off_list(state)]
        until = state.until or now + self._limits.wait[need.urgency]
        # One timer for all waits of a need, since they have one end.
        timer = [SetTimer(WAIT_OVER, until)] if state.until is None else []
        if asks is not None:
            held = facts.on_hold(need, state.attempt, asks, state.since or now, until)
            return [Emit(held, topics.MATCHING), *_off_list(state), *timer]
        code = ALREADY_SERVED if state.told_served else None
        weighed = weigh(choice, [], now, context, self._limits)
        waits = facts.waiting(need, state.attempt, state.since or now, until, choice.steps, code, weighed)
        waited = evolve(state, waits)
        waiter = waited.waiter(now)
        listed = [] if need.held_back else [Put(queue.TABLE, queue.row_id(waiter.id, waiter.turn), queue.row(waiter))]
        told = [_alert(waited, choice.steps)] if self._alerts(waited, now) else []
        if state.timed is not need.urgency and not told:
            timer.append(SetTimer(PATIENCE_OVER, self._patient_until(waited)))
        return [Emit(waits, topics.MATCHING), *told, *listed, *_off_list(state), *timer]

    def _patient_until(self, state: NeedState) -> datetime:
        """When a need that waits has waited as long as it should at most."""
        assert state.accepted is not None  # noqa: S101
        assert state.since is not None  # noqa: S101
        return state.since + self._limits.patience[state.accepted.urgency]

    def _alerts(self, state: NeedState, due: datetime) -> bool:
        """Whether an operator is to be told, once; not of who is helped under another referral."""
        held_back = state.accepted is not None and state.accepted.held_back
        return not state.alerted and not held_back and self._patient_until(state) <= due

    def _match(self, state: NeedState, now: datetime, context: MatchingContext) -> tuple[list[Effect], Choice]:
        """What a match with the best services that have a place for it takes; nothing if none has. And what it saw."""
        waiter = state.waiter(now)
        need, first = waiter.need, state.attempt + 1
        match = places.match_id(need.need_id, first)
        choice = choose(waiter, match, now, context, self._limits)
        if need.held_back:  # it waits like any other, takes nothing, and stands in nobody's way
            taken = [(each.entry, 0) for each in choice.ranked]
            return [], choice._replace(ranked=[], short=[*choice.short, *taken], steps=none_left(choice.steps))
        chosen = score.of_different_providers(choice.ranked, self._limits.at_once[need.urgency])
        broadcast = Broadcast(first=first, offers=len(chosen)) if len(chosen) > 1 else None
        weighed = weigh(choice, chosen, now, context, self._limits) if chosen else None
        effects: list[Effect] = []
        for attempt, best in enumerate(chosen, first):
            slots = context.places.pick(best.entry, need.need_id, match, need.places)
            doc = places.document(need.need_id, match, best.entry.id, need.referral_id)
            seen = weighed if attempt == first else None
            told = (seen, state.hard_to_place, choice.charges.price_set, now)
            matched = facts.matched(need, attempt, best, slots, match, choice.steps, broadcast, *told)
            effects += [Claim(places.TABLE, row, doc) for row in rows_of(matched)]
            effects.append(Emit(matched, topics.MATCHING))
        return ([*effects, *_off_list(state)] if effects else []), choice

    def _still_fits(self, asked: NeedRegistered, match: Matched, now: datetime, context: MatchingContext) -> bool:
        """Whether the match could be made as the need is now. That the service has closed since is no reason."""
        same = asked.category is match.category and asked.places == len(rows_of(match))
        if not (same and agreed(asked, match.provider)):
            return False
        entry = context.directory.get(service_of(match))
        afresh = Waiter(asked, (), now, 0).case(now, self._limits.retry_after)
        return entry is None or fits_when_open(afresh, entry)


def _tell_lapse(state: NeedState, lapses: matching.EntryLapses, context: MatchingContext) -> list[Effect]:
    entry = context.directory.get(service_id(lapses.provider, lapses.service))
    older = entry_flags.told_before(context.lapses, entry) if entry else []
    return expiry.tell(lapses, entry, state.phase is Phase.ENDED, older)


def _alert(state: NeedState, steps: list[FunnelStep]) -> Emit:
    """Tell an operator that a need has waited too long."""
    assert state.accepted is not None  # noqa: S101
    assert state.since is not None  # noqa: S101
    assert state.until is not None  # noqa: S101
    over = facts.patience_over(state.accepted, state.attempt, state.since, state.until, steps)
    return Emit(over, topics.MATCHING)


def _withdrawn(state: NeedState) -> list[Effect]:
    if state.accepted is None or state.phase is Phase.ENDED:
        return []
    ended = facts.need_ended(state.accepted, state.attempt, Lifecycle.WITHDRAWN, state.hard_to_place)
    return [*revoke(state.matches, "withdrawn"), Emit(ended, topics.MATCHING), *_off_list(state)]


def _over(state: NeedState, event: notification.Outcome, now: datetime, context: MatchingContext) -> list[Effect]:
    """The need has its end, and its referrer is told of it.

    Also where the match has been taken back meanwhile: the provider's word came to notification before that did.
    """
    if state.accepted is None or state.phase is Phase.ENDED:
        return []
    held = state.holds(event.attempt)
    ended = facts.need_ended(state.accepted, state.attempt, facts.end_of(event), state.hard_to_place)
    own: list[Effect] = [*leave(held, event, now, context), *_learn_of_end(held, event)] if held else []
    others = [each for each in state.matches if each is not held]
    return [*revoke(others, TAKEN_BY_ANOTHER), Emit(ended, topics.MATCHING), *own, *_off_list(state)]


def _learn_of_end(match: Matched, event: notification.Refusal | notification.Outcome) -> list[Effect]:
    if isinstance(event, notification.Delivered | notification.NotDelivered):
        return [*observations.ended(match, event)]
    had_accepted = isinstance(event, notification.Expired) and event.code is not None
    return [observations.broken_off(match)] if had_accepted else [*observations.answered(match, event)]


def _at_once(match: Matched, attempt: int) -> bool:
    """Whether the offer of that attempt was made at once with this match's."""
    asked = match.broadcast
    return asked is not None and asked.first <= attempt < asked.first + asked.offers


def _leave_list(need: str, turn: int) -> Drop:
    return Drop(queue.TABLE, queue.row_id(need, turn))


def _off_list(state: NeedState) -> list[Drop]:
    """For a need that waits; nothing for one that doesn't."""
    if state.phase is not Phase.WAITING or state.accepted is None:
        return []
    return [_leave_list(state.accepted.need_id, state.turn)]
