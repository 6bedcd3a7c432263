"""What a provider's answer changes. Where nothing, its sender is told why, and what could be said instead."""

from collections.abc import Sequence
from typing import Any

from contracts import intake, notification, provider, topics
from contracts.base import Message
from contracts.words import Answer, AnswerFault, DeclineCode, Lifecycle, NotDeliveredCode
from services.chassis.decider import Effect, Emit, Reply

from .broadcast import taken
from .messages import fact, of
from .state import NEXT, Offer, Offers, evolve


def decide_answer(state: Offers, answer: notification.AnswerReceived) -> Sequence[Effect]:
    """The time of an answer is the broker's. While the offer is open it counts, also after its deadline."""
    offer = state.made_to(answer.provider, answer.attempt)
    if offer is None:
        return [refusal(state, answer, AnswerFault.UNKNOWN_OFFER)]
    phase = NEXT.get(offer.phase, {}).get(answer.answer)
    if phase is None:
        return [refusal(state, answer, _fault(offer, answer.answer))]
    said = _taken(state, offer, answer, phase)
    effects: list[Effect] = [fact(offer, said)]
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
        effects += taken(evolve(state, said), offer, answer.answered_at)
    return effects


def _taken(state: Offers, offer: Offer, answer: notification.AnswerReceived, phase: Lifecycle) -> Message:
    """The fact that a legal answer is."""
    its, at = of(offer), answer.answered_at
    own = answer.provider_reference or offer.provider_reference
    match phase:
        case Lifecycle.ACKNOWLEDGED:
            return notification.Acknowledged(**its, at=at, decide_by=offer.decide_by)
        case Lifecycle.TAKEN_UP:
            return notification.Accepted(**its, at=at, provider_reference=own)
        case Lifecycle.DECLINED:  # by value: "other" is a code of both lists, and parses as either
            code = DeclineCode(str(answer.code))
            others_open = state.others_open(offer)
            more: dict[str, Any] = {"missing": answer.missing, "note": answer.note, "others_open": others_open}
            return notification.Declined(**its, at=at, code=code, by=answer.by, **more)
        case Lifecycle.IN_PROGRESS:
            return notification.InProgress(**its, at=at, provider_reference=own)
        case Lifecycle.NOT_DELIVERED:
            why = NotDeliveredCode(str(answer.code))
            return notification.NotDelivered(
                **its, at=at, provider_reference=own, code=why, by=answer.by, note=answer.note
            )
        case _:
            partly = phase is Lifecycle.PARTLY_DELIVERED
            return notification.Delivered(**its, at=at, partly=partly, provider_reference=own)


def _fault(offer: Offer, answer: Answer) -> AnswerFault:
    """Why this answer does not follow from where the offer stands."""
    if offer.phase in (led_to[answer] for led_to in NEXT.values() if answer in led_to):
        return AnswerFault.REPEATED
    return AnswerFault.NOT_ALLOWED if offer.open else AnswerFault.LATE


def refusal(state: Offers, answer: notification.AnswerReceived, fault: AnswerFault) -> Reply:
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
