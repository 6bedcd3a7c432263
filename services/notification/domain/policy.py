"""What notification decides: who receives which offer, what an answer changes, and when an offer has ended.

An offer ends once. An answer that changes nothing is refused with the answers that are allowed, and is not journaled.
A provider that has no such offer learns nothing beyond what it sent itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts import intake, matching, notification, operations, provider, topics
from contracts.base import Message
from contracts.words import AnswerFault, Lifecycle
from services.chassis.decider import Effect, IncomingEvent, Reply

from .answers import decide_answer, refusal
from .broadcast import revoke
from .deadlines import DeadlineRules
from .messages import fact, offer_fields
from .offer import Accepted, Undecided
from .offering import offer_match
from .overdue import elapse
from .release_ended import release_ended
from .state import Offers, evolve

_HANDLED = (
    matching.Matched,
    matching.MatchRevoked,
    notification.AnswerReceived,
    notification.EntryProblemsFound,
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
    provider.AnswerConfirmed,
    provider.CheckInCounted,
    provider.OfferClosed,
    intake.ReleaseRequested,
    intake.ReleaseEnded,
)


class NotificationPolicy:
    """The decisions of notification. See `services.chassis.decider.Policy`."""

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {model.ce_type(): model for model in _FACTS}

    def __init__(self, rules: DeadlineRules) -> None:
        self._rules = rules

    def stream(self, event: Message) -> str:
        """The need's id. An event about no need is decided in a stream that never has facts."""
        match event:
            case operations.TimerElapsed() | operations.DeliveryFailed():
                return event.stream
            case notification.EntryProblemsFound():
                return f"entry:{event.provider}/{event.entry}"
            case notification.AnswerInvalid():
                return f"input:{event.provider}"
            case matching.Matched() | matching.MatchRevoked() | notification.AnswerReceived():
                return event.need_id
        raise TypeError(f"{type(event).__name__} is not an event that notification handles")

    def initial(self, stream: str) -> Offers:
        """No offer yet."""
        return Offers()

    def evolve(self, state: Offers, fact: Message) -> Offers:
        """See `state.evolve`."""
        return evolve(state, fact)

    def decide(self, state: Offers, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        """What follows from an event. Intake is informed of each provider that loses the person by it."""
        effects = self._decide(state, event.data, now, context)
        return [*effects, *release_ended(state, effects)]

    def _decide(self, state: Offers, event: Message, now: datetime, context: Any) -> Sequence[Effect]:
        match event:
            case matching.Matched():
                return offer_match(state, event, self._rules, now, context)
            case matching.MatchRevoked():
                return _revoke_match(state, event, now)
            case notification.AnswerReceived():
                return decide_answer(state, event, self._rules)
            case operations.TimerElapsed():
                return elapse(state, event, now)
            case operations.DeliveryFailed():
                return _expire_undeliverable(state, event, now)
            case notification.EntryProblemsFound():
                return [_refuse_entry(event)]
            case notification.AnswerInvalid():
                return [_refuse_input(event)]
        raise TypeError(f"{type(event).__name__} is not an event that notification handles")

    def on_id_reuse(self, state: Offers, event: IncomingEvent) -> Sequence[Effect]:
        """Two different answers with one id: the first one counts, and the provider is informed."""
        if isinstance(event.data, notification.AnswerReceived):
            return [refusal(state, event.data, AnswerFault.EVENT_ID_REUSED, self._rules)]
        return []


def _revoke_match(state: Offers, revoked: matching.MatchRevoked, now: datetime) -> Sequence[Effect]:
    offer = state.by_attempt(revoked.attempt)
    return revoke(state, offer, revoked.cause, now) if isinstance(offer, Undecided | Accepted) else []


def _expire_undeliverable(state: Offers, failed: operations.DeliveryFailed, now: datetime) -> Sequence[Effect]:
    """An offer that never reached its provider expires. Any other lost message stays in the dead letters."""
    if failed.event_type != provider.Offer.ce_type():
        return []
    offer = state.by_attempt(provider.Offer.read(failed.text).attempt)
    if not isinstance(offer, Undecided) or offer.phase is not Lifecycle.OFFERED:
        return []
    others_open = state.others_open(offer)
    expired = notification.Expired(**offer_fields(offer), at=now, undeliverable=True, others_open=others_open)
    return [fact(offer, expired)]


def _refuse_entry(doubted: notification.EntryProblemsFound) -> Reply:
    """Informs a provider what is wrong with its entry in the directory."""
    refused = provider.EntryRefused(provider=doubted.provider, entry=doubted.entry, problems=doubted.problems)
    return Reply(refused, topics.notifications(doubted.provider), doubted.entry)


def _refuse_input(invalid: notification.AnswerInvalid) -> Reply:
    """Informs a provider what is wrong with an answer that could not be read."""
    refused = provider.ProviderInputRefused(provider=invalid.provider, sent=invalid.sent, problems=invalid.problems)
    return Reply(refused, topics.notifications(invalid.provider), invalid.provider)
