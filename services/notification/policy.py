"""What notification decides: which offer goes to whom, what an answer changes, when an offer has ended.

An offer ends once. An answer that changes nothing is answered aloud, with what could be said instead, and is not
journaled; to a provider that has no such offer, nothing is told but its own words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

from contracts import intake, matching, notification, operations, provider, topics
from contracts.base import Message
from contracts.words import Answer, AnswerFault, DeclineCode, Lifecycle, NotDeliveredCode, Urgency
from services.chassis.decider import Arrived, Effect, Emit, Reply, SetTimer

from .state import NEXT, Offer, Offers, evolve

REMIND = "remind"
EXPIRE = "expire"

_HANDLED = (
    matching.Matched,
    matching.MatchRevoked,
    notification.AnswerReceived,
    notification.EntryDoubted,
    notification.AnswerInvalid,
    operations.TimerElapsed,
    operations.Undeliverable,
)
_FACTS = (
    notification.Offered,
    notification.Reminded,
    notification.Acknowledged,
    notification.Accepted,
    notification.Declined,
    notification.Expired,
    notification.Revoked,
    notification.InProgress,
    notification.Delivered,
    notification.NotDelivered,
    provider.Offer,
    provider.Reminder,
    provider.OfferClosed,
    intake.ReleaseRequested,
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long a provider has, from the offer on."""

    acknowledge: timedelta
    decide: timedelta


class NotificationPolicy:
    """The decisions of notification. `deadlines` has one for each urgency."""

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {model.ce_type(): model for model in _FACTS}

    def __init__(self, deadlines: Mapping[Urgency, Deadline]) -> None:
        self._deadlines = deadlines

    def stream(self, event: Message) -> str:
        """The need's id; what is no need's is decided in a stream that never has facts."""
        match event:
            case operations.TimerElapsed() | operations.Undeliverable():
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

    def decide(self, state: Offers, event: Arrived, now: datetime, given: Any) -> Sequence[Effect]:
        """What follows from an event."""
        match event.data:
            case matching.Matched() as match:
                return self._offer(state, match, now)
            case matching.MatchRevoked() as revoked:
                return _revoke(state, revoked, now)
            case notification.AnswerReceived() as answer:
                return _answer(state, answer)
            case operations.TimerElapsed() as elapsed:
                return _elapse(state, elapsed, now)
            case operations.Undeliverable() as lost:
                return _give_up(state, lost, now)
            case notification.EntryDoubted() as doubted:
                refused = provider.EntryRefused(
                    provider=doubted.provider, entry=doubted.entry, problems=doubted.problems
                )
                return [Reply(refused, topics.notifications(doubted.provider), doubted.entry)]
            case notification.AnswerInvalid() as invalid:
                told = provider.InputRefused(
                    provider=invalid.provider, sent=provider.Answered.TYPE, problems=invalid.problems
                )
                return [Reply(told, topics.notifications(invalid.provider), invalid.provider)]
        raise TypeError(type(event.data).__name__)

    def collide(self, state: Offers, event: Arrived) -> Sequence[Effect]:
        """One id for two different answers: the first one counts, and the provider is told so."""
        if isinstance(event.data, notification.AnswerReceived):
            return [_refusal(state, event.data, AnswerFault.EVENT_ID_REUSED)]
        return []

    def _offer(self, state: Offers, match: matching.Matched, now: datetime) -> Sequence[Effect]:
        """An offer, counted from now: a match that waited in a queue takes no time from the provider."""
        current = state.current
        if current is not None and match.attempt <= current.attempt:
            return []
        deadline = self._deadlines[match.urgency]
        # Whole seconds: MongoDB keeps milliseconds, and a timer's time is compared with the one in the state.
        acknowledge_by = (now + deadline.acknowledge).replace(microsecond=0)
        decide_by = (now + deadline.decide).replace(microsecond=0)
        offer = provider.Offer(
            provider=match.provider,
            referral_id=match.referral_id,
            need=match.need,
            need_id=match.need_id,
            attempt=match.attempt,
            service=match.service,
            category=match.category,
            urgency=match.urgency,
            person=match.person,
            region=match.region,
            constraints=match.constraints,
            offered_at=now,
            acknowledge_by=acknowledge_by,
            decide_by=decide_by,
        )
        offered = notification.Offered(
            referral_id=match.referral_id,
            need_id=match.need_id,
            need=match.need,
            agency=match.agency,
            reference=match.reference,
            attempt=match.attempt,
            provider=match.provider,
            service=match.service,
            at=now,
            acknowledge_by=acknowledge_by,
            decide_by=decide_by,
        )
        # Matching revokes before it matches anew; should it ever not, no two providers may hold the need at once.
        superseded = _close(current, "superseded", now) if current is not None and current.open else []
        return [
            *superseded,
            Emit(offer, topics.notifications(match.provider), match.referral_id),
            Emit(offered, topics.NOTIFICATION, match.referral_id),
            SetTimer(REMIND, acknowledge_by),
            SetTimer(EXPIRE, decide_by),
        ]


def _revoke(state: Offers, revoked: matching.MatchRevoked, now: datetime) -> Sequence[Effect]:
    current = state.current
    if current is None or revoked.attempt != current.attempt or not current.open:
        return []
    return _close(current, revoked.cause, now)


def _close(offer: Offer, cause: str, now: datetime) -> list[Effect]:
    return [
        _fact(offer, notification.Revoked(**_of(offer), at=now, cause=cause)),
        _to_provider(offer, provider.OfferClosed(**_to(offer), reason=cause)),
    ]


def _answer(state: Offers, answer: notification.AnswerReceived) -> Sequence[Effect]:
    """The time of an answer is the broker's. While the offer is open it counts, also after its deadline."""
    offer = state.made_to(answer.provider, answer.attempt)
    if offer is None:
        return [_refusal(state, answer, AnswerFault.UNKNOWN_OFFER)]
    phase = NEXT.get(offer.phase, {}).get(answer.answer)
    if phase is None:
        return [_refusal(state, answer, _fault(offer, answer.answer))]
    effects: list[Effect] = [_fact(offer, _taken(offer, answer, phase))]
    if phase is Lifecycle.TAKEN_UP:
        release = intake.ReleaseRequested(
            referral_id=offer.referral_id,
            need_id=offer.need_id,
            need=offer.need,
            attempt=offer.attempt,
            provider=offer.provider,
            service=offer.service,
        )
        effects.append(Emit(release, topics.inbox("intake"), offer.referral_id))
    return effects


def _taken(offer: Offer, answer: notification.AnswerReceived, phase: Lifecycle) -> Message:
    """The fact that a legal answer is."""
    of, at = _of(offer), answer.answered_at
    own = answer.provider_reference or offer.provider_reference
    match phase:
        case Lifecycle.ACKNOWLEDGED:
            return notification.Acknowledged(**of, at=at, decide_by=offer.decide_by)
        case Lifecycle.TAKEN_UP:
            return notification.Accepted(**of, at=at, provider_reference=own)
        case Lifecycle.DECLINED:  # by value: "other" is a code of both lists, and parses as either
            code = DeclineCode(str(answer.code))
            return notification.Declined(**of, at=at, code=code, by=answer.by, note=answer.note)
        case Lifecycle.IN_PROGRESS:
            return notification.InProgress(**of, at=at, provider_reference=own)
        case Lifecycle.NOT_DELIVERED:
            why = NotDeliveredCode(str(answer.code))
            return notification.NotDelivered(
                **of, at=at, provider_reference=own, code=why, by=answer.by, note=answer.note
            )
        case _:
            partly = phase is Lifecycle.PARTLY_DELIVERED
            return notification.Delivered(**of, at=at, partly=partly, provider_reference=own)


def _fault(offer: Offer, answer: Answer) -> AnswerFault:
    """Why this answer does not follow from where the offer stands."""
    if offer.phase in (led_to[answer] for led_to in NEXT.values() if answer in led_to):
        return AnswerFault.REPEATED
    return AnswerFault.NOT_ALLOWED if offer.open else AnswerFault.LATE


def _refusal(state: Offers, answer: notification.AnswerReceived, fault: AnswerFault) -> Reply:
    """Goes to who answered. All it holds of the need is what the answer itself said, unless the offer is theirs."""
    offer = state.made_to(answer.provider, answer.attempt)
    refused = provider.AnswerRefused(
        provider=answer.provider,
        referral_id=answer.referral_id,
        need=answer.need,
        need_id=answer.need_id,
        attempt=answer.attempt,
        service=offer.service if offer else "",
        answer=answer.answer,
        reason=fault if offer else AnswerFault.UNKNOWN_OFFER,
        state=offer.phase.value if offer else "unknown",
        allowed=list(NEXT.get(offer.phase, {})) if offer else [],
    )
    return Reply(refused, topics.notifications(answer.provider), answer.referral_id)


def _elapse(state: Offers, elapsed: operations.TimerElapsed, now: datetime) -> Sequence[Effect]:
    """A timer counts only for the offer that set it: its time is compared with the offer's own."""
    offer = state.current
    if offer is None or not offer.undecided:
        return []
    if elapsed.name == REMIND and elapsed.due_at == offer.acknowledge_by:
        if offer.phase is not Lifecycle.OFFERED or offer.reminded:
            return []
        return [
            _to_provider(offer, provider.Reminder(**_to(offer), decide_by=offer.decide_by)),
            _fact(offer, notification.Reminded(**_of(offer), at=now)),
        ]
    if elapsed.name == EXPIRE and elapsed.due_at == offer.decide_by:
        return [
            _fact(offer, notification.Expired(**_of(offer), at=now)),
            _to_provider(offer, provider.OfferClosed(**_to(offer), reason="expired")),
        ]
    return []


def _give_up(state: Offers, lost: operations.Undeliverable, now: datetime) -> Sequence[Effect]:
    """An offer that never reached its provider has expired; anything else that is lost, the dead letters keep."""
    if lost.event_type != provider.Offer.ce_type():
        return []
    offer, sent = state.current, provider.Offer.read(lost.text)
    if offer is None or offer.attempt != sent.attempt or offer.phase is not Lifecycle.OFFERED:
        return []
    return [_fact(offer, notification.Expired(**_of(offer), at=now, undeliverable=True))]


class _Of(TypedDict):
    """What every fact says of its offer."""

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int
    provider: str
    service: str


class _To(TypedDict):
    """What every message to a provider says of its offer: not which agency it came from."""

    provider: str
    referral_id: str
    need: str
    need_id: str
    attempt: int
    service: str


def _of(offer: Offer) -> _Of:
    return _Of(**_to(offer), agency=offer.agency, reference=offer.reference)


def _to(offer: Offer) -> _To:
    return _To(
        provider=offer.provider,
        referral_id=offer.referral_id,
        need=offer.need,
        need_id=offer.need_id,
        attempt=offer.attempt,
        service=offer.service,
    )


def _fact(offer: Offer, event: Message) -> Emit:
    return Emit(event, topics.NOTIFICATION, offer.referral_id)


def _to_provider(offer: Offer, event: Message) -> Emit:
    return Emit(event, topics.notifications(offer.provider), offer.referral_id)
