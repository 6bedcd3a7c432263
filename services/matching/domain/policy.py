"""Matching's decisions: what follows from each event. `MatchingPolicy.decide` names a step for each of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts import intake, matching, notification, topics
from contracts.base import Message
from contracts.operations import TimerElapsed
from contracts.steps import DeclineStep
from services.chassis.decider import Effect, IncomingEvent, Reply

from ..directory import entry_flags, expiry
from ..model.entry import service_id
from ..model.limits import Limits
from ..pricing import observations
from . import look_again, need_changes, offers
from .context import MatchingContext, Moment, subject
from .declines import step_of
from .recommendation import recommend
from .release import recall_waiting, release_orphaned_rows
from .state import ExpiryHandled, NeedState, UnknownNeed, evolve
from .waiting import PATIENCE_OVER, WAIT_OVER


def _by_type(*models: type[Message]) -> dict[str, type[Message]]:
    return {model.ce_type(): model for model in models}


class MatchingPolicy:
    """The Decider of matching. What it needs besides the streams is in `MatchingContext`."""

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
        matching.EntryExpires,
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
        matching.ExpiryNotified,
        notification.EntryProblemsFound,
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def stream(self, event: Message) -> str:
        """See `context.subject`."""
        return subject(event)

    def initial(self, stream: str) -> NeedState:
        """A need that intake has not published."""
        return UnknownNeed()

    def evolve(self, state: NeedState, fact: Message) -> NeedState:
        """See `state.evolve`."""
        return evolve(state, fact)

    def on_id_reuse(self, state: NeedState, event: IncomingEvent) -> Sequence[Effect]:
        """Nobody to answer: all events come from our own services."""
        return []

    def decide(
        self, state: NeedState, event: IncomingEvent, now: datetime, context: MatchingContext
    ) -> Sequence[Effect]:
        """What follows from an event, by its kind."""
        moment = Moment(now, context, self._limits)
        match event.data:
            case intake.RecommendationAsked() as request:
                return [Reply(recommend(request, moment), topics.MATCHING)]
            case matching.EntryExpires() as expiring:
                return _notify_expiry(state, expiring, context)
            case intake.NeedRegistered() as need:
                effects = need_changes.registered(state, need, moment)
            case intake.PersonCorrected():
                effects = need_changes.person_corrected(state, moment)
            case intake.NeedWithdrawn():
                effects = need_changes.withdrawn(state)
            case notification.OfferAccepted() as acceptance:
                effects = offers.accepted(state, acceptance, moment)
            case notification.Declined() | notification.Expired() as refusal:
                effects = offers.refused(state, refusal, moment)
            case notification.NotDelivered() as failure if step_of(failure) is not DeclineStep.CLOSE:
                effects = offers.refused(state, failure, moment)
            case notification.Delivered() | notification.NotDelivered() as outcome:
                effects = offers.ended(state, outcome, moment)
            case matching.WaitingRecalled(need_id=need_id):
                effects = look_again.recalled(state, need_id, moment)
            case TimerElapsed(name=name) as timer if name == WAIT_OVER:
                effects = look_again.wait_over(state, timer, moment)
            case TimerElapsed(name=name) if name == PATIENCE_OVER:
                effects = look_again.patience_over(state, moment)
            case _:  # `PlaceDoubtful`: orphaned rows are released below
                effects = []
        return self._completed(effects, state, event, moment)

    def _completed(
        self, effects: Sequence[Effect], state: NeedState, event: IncomingEvent, moment: Moment
    ) -> Sequence[Effect]:
        """The effects of a need's step, plus orphaned rows that are released, and recalls for all released places."""
        need_id = subject(event.data)
        effects = [*effects, *release_orphaned_rows(need_id, event.key, state, effects, moment)]
        effects += recall_waiting(need_id, effects, moment)
        return effects if self._limits.learns else [each for each in effects if not observations.is_of(each)]


def _notify_expiry(state: NeedState, expiring: matching.EntryExpires, context: MatchingContext) -> list[Effect]:
    """Notify a provider once that its entry has expired, or is about to."""
    entry = context.directory.get(service_id(expiring.provider, expiring.service))
    older = entry_flags.older_notice_rows(context.expiry_rows, entry) if entry else []
    return expiry.notify_provider(expiring, entry, isinstance(state, ExpiryHandled), older)
