"""What notification decides: which offer goes to whom, what an answer changes, when an offer has ended.

An offer ends once. An answer that changes nothing is answered aloud, with what could be said instead, and is not
journaled; to a provider that has no such offer, nothing is told but its own words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts import intake, matching, notification, operations, provider, topics
from contracts.base import Message
from contracts.words import TAKEN_BY_ANOTHER, AnswerFault, DeadlineKind, Lifecycle, Urgency
from services.chassis.decider import Effect, IncomingEvent, Reply

from .answers import decide_answer, refusal
from .broadcast import close, is_over, superseded
from .deadlines import Deadline, Times, wait_for, wait_for_decision
from .messages import fact, of, to, to_provider
from .overdue import elapse
from .releases import let_go
from .state import Offer, Offers, evolve

_HANDLED = (
    matching.Matched,
    matching.MatchRevoked,
    notification.AnswerReceived,
    notification.EntryDoubted,
    notification.AnswerInvalid,
    operations.TimerElapsed,
    operations.DeliveryFailed,
)
_FACTS = (
    notification.Offered,
    notification.Reminded,
    notification.Overdue,
    notification.Escalated,
    notification.CheckedIn,
    notification.Acknowledged,
    notification.OfferAccepted,
    notification.Declined,
    notification.Expired,
    notification.Revoked,
    notification.Appointed,
    notification.NoShow,
    notification.InProgress,
    notification.Delivered,
    notification.NotDelivered,
    provider.Offer,
    provider.Reminder,
    provider.CheckInCounted,
    provider.OfferClosed,
    intake.ReleaseRequested,
    intake.ReleaseEnded,
)


class NotificationPolicy:
    """The decisions of notification. `deadlines` has one for each urgency, or is all there is to say of times."""

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {model.ce_type(): model for model in _FACTS}

    def __init__(self, deadlines: Mapping[Urgency, Deadline] | Times) -> None:
        self._times = deadlines if isinstance(deadlines, Times) else Times(deadlines)

    def stream(self, event: Message) -> str:
        """The need's id; what is no need's is decided in a stream that never has facts."""
        match event:
            case operations.TimerElapsed() | operations.DeliveryFailed():
                return event.stream
            case notification.EntryDoubted():
                return f"entry:{event.provider}/{event.entry}"
            case notification.AnswerInvalid():
                return f"input:{event.provider}"
            case matching.Matched() | matching.MatchRevoked() | notification.AnswerReceived():
                return event.need_id
        raise TypeError(type(event).__name__)

    def initial(self, stream: str) -> Offers:
        """No offer yet."""
        return Offers()

    def evolve(self, state: Offers, fact: Message) -> Offers:
        """See `state.evolve`."""
        return evolve(state, fact)

    def decide(self, state: Offers, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        """What follows from an event; and intake is told of each provider that has the need no more."""
        effects = self._follows(state, event, now, context)
        return [*effects, *let_go(state, effects)]

    def _follows(self, state: Offers, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        match event.data:
            case matching.Matched() as match:
                return self._offer(state, match, now, context)
            case matching.MatchRevoked() as revoked:
                return _revoke(state, revoked, now)
            case notification.AnswerReceived() as answer:
                return decide_answer(state, answer, self._times)
            case operations.TimerElapsed() as elapsed:
                return elapse(state, elapsed, now)
            case operations.DeliveryFailed() as lost:
                return _give_up(state, lost, now)
            case notification.EntryDoubted() as doubted:
                refused = provider.EntryRefused(
                    provider=doubted.provider, entry=doubted.entry, problems=doubted.problems
                )
                return [Reply(refused, topics.notifications(doubted.provider), doubted.entry)]
            case notification.AnswerInvalid() as invalid:
                told = provider.ProviderInputRefused(
                    provider=invalid.provider, sent=invalid.sent, problems=invalid.problems
                )
                return [Reply(told, topics.notifications(invalid.provider), invalid.provider)]
        raise TypeError(type(event.data).__name__)

    def on_id_reuse(self, state: Offers, event: IncomingEvent) -> Sequence[Effect]:
        """One id for two different answers: the first one counts, and the provider is told so."""
        if isinstance(event.data, notification.AnswerReceived):
            return [refusal(state, event.data, AnswerFault.EVENT_ID_REUSED, self._times)]
        return []

    def _offer(self, state: Offers, match: matching.Matched, now: datetime, context: Any) -> Sequence[Effect]:
        """An offer, counted from now: a match that waited in a queue takes no time from the provider.

        To a provider that may not take part (any more, since matching chose it) it is none: it ends as it begins.
        """
        current = state.current
        if current is not None and match.attempt <= current.attempt:
            return []
        made = self._made(match, now)
        offer = provider.Offer(
            **to(made),
            category=match.category,
            urgency=match.urgency,
            person=match.person,
            region=match.region,
            constraints=match.constraints,
            offered_at=now,
            acknowledge_by=made.acknowledge_by,
            decide_by=made.decide_by,
            offers=match.broadcast.offers if match.broadcast else 1,
            companions=match.companions,
            places=max(1, len(match.slots)),
            needs_assessment=match.needs_assessment,
        )
        clocks = [
            self._times.running(made, DeadlineKind.ACKNOWLEDGE, now, made.acknowledge_by),
            self._times.running(made, DeadlineKind.DECIDE, now, made.decide_by),
        ]
        offered = notification.Offered(
            **of(made),
            at=now,
            acknowledge_by=made.acknowledge_by,
            decide_by=made.decide_by,
            category=made.category,
            urgency=made.urgency,
            schedule=made.schedule,
            clocks=clocks,
        )
        earlier, others_open = superseded(state, match, now), evolve(state, offered).others_open(made)
        if is_over(state, match):
            revoked = notification.Revoked(**of(made), at=now, cause=TAKEN_BY_ANOTHER, others_open=others_open)
            return [*earlier, fact(made, offered), fact(made, revoked)]
        if context is not None and not context.admits(match.provider):
            expired = notification.Expired(**of(made), at=now, undeliverable=True, others_open=others_open)
            return [*earlier, fact(made, offered), fact(made, expired)]
        return [
            *earlier,
            to_provider(made, offer),
            fact(made, offered),
            *wait_for(clocks[0], made.done),
            wait_for_decision(made.decide_by),
        ]

    def _made(self, match: matching.Matched, now: datetime) -> Offer:
        """The offer as it will stand. Its times are put in last: they depend on the rest."""
        made = Offer(
            referral_id=match.referral_id,
            need_id=match.need_id,
            need=match.need,
            agency=match.agency,
            reference=match.reference,
            attempt=match.attempt,
            provider=match.provider,
            service=match.service,
            acknowledge_by=now,
            decide_by=now,
            category=match.category,
            urgency=match.urgency,
            schedule=self._times.hours(match.category, match.urgency, match.schedule),
            broadcast=match.broadcast,
        )
        acknowledge_by, decide_by = (
            self._times.due(made, clock, now) for clock in (DeadlineKind.ACKNOWLEDGE, DeadlineKind.DECIDE)
        )
        return replace(made, acknowledge_by=acknowledge_by, decide_by=decide_by)


def _revoke(state: Offers, revoked: matching.MatchRevoked, now: datetime) -> Sequence[Effect]:
    offer = state.of(revoked.attempt)
    return close(state, offer, revoked.cause, now) if offer is not None and offer.open else []


def _give_up(state: Offers, lost: operations.DeliveryFailed, now: datetime) -> Sequence[Effect]:
    """An offer that never reached its provider has expired; anything else that is lost, the dead letters keep."""
    if lost.event_type != provider.Offer.ce_type():
        return []
    offer = state.of(provider.Offer.read(lost.text).attempt)
    if offer is None or offer.phase is not Lifecycle.OFFERED:
        return []
    others_open = state.others_open(offer)
    return [fact(offer, notification.Expired(**of(offer), at=now, undeliverable=True, others_open=others_open))]
