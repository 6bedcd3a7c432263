"""What a provider's answer changes. Where nothing, its sender is told why, and what could be said instead."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from contracts import intake, notification, provider, topics
from contracts.base import Message
from contracts.notification import Running
from contracts.words import Answer, AnswerFault, DeadlineKind, DeclineCode, Lifecycle, NotDeliveredCode
from services.chassis.decider import Effect, Emit, Reply

from .broadcast import taken
from .deadlines import Times, wait_for, wait_for_decision
from .messages import fact, of, to, to_provider
from .state import NEXT, Offer, Offers, evolve


def decide_answer(state: Offers, answer: notification.AnswerReceived, times: Times) -> Sequence[Effect]:
    """The time of an answer is the broker's. While the offer is open it counts, also after its deadline."""
    offer = state.made_to(answer.provider, answer.attempt)
    if offer is None:
        return [refusal(state, answer, AnswerFault.UNKNOWN_OFFER, times)]
    phase = NEXT.get(offer.phase, {}).get(answer.answer)
    if phase is None or answer.answer not in allowed(offer, times) or _says_nothing_new(offer, answer):
        return [refusal(state, answer, _fault(offer, answer), times)]
    if answer.answer is Answer.CHECK_IN:
        return _check_in(offer, answer, times)
    clocks = _started(offer, answer, phase, times)
    said = _taken(state, offer, answer, phase, clocks)
    effects: list[Effect] = [fact(offer, said)]
    if phase is Lifecycle.ACCEPTED_BY_PROVIDER:
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
    return [*effects, *(timer for run in clocks for timer in wait_for(run, offer.done))]


def allowed(offer: Offer, times: Times) -> list[Answer]:
    """What could be answered now: `NEXT`, less a check-in where the clock has had all of its own."""
    used_up = offer.check_ins >= times.check_ins
    return [answer for answer in NEXT.get(offer.phase, {}) if answer is not Answer.CHECK_IN or not used_up]


def _check_in(offer: Offer, answer: notification.AnswerReceived, times: Times) -> Sequence[Effect]:
    """The running clock begins anew; never so that it ends earlier than it did."""
    (clock,) = offer.running
    due = max(times.due(offer, clock, answer.answered_at), offer.due(clock) or answer.answered_at)
    run, count = times.running(offer, clock, answer.answered_at, due), offer.check_ins + 1
    counted = provider.CheckInCounted(**to(offer), clock=clock, due_at=run.due_at, left=times.check_ins - count)
    checked_in = notification.CheckedIn(
        **of(offer), at=answer.answered_at, state=offer.phase, count=count, turn=offer.turn + 1, clocks=[run]
    )
    timers = wait_for(run, offer.done)
    if clock is DeadlineKind.DECIDE:
        timers.append(wait_for_decision(run.due_at))
    return [fact(offer, checked_in), to_provider(offer, counted), *timers]


def _started(offer: Offer, answer: notification.AnswerReceived, phase: Lifecycle, times: Times) -> list[Running]:
    """The clock that a legal answer starts, or sets to a later end."""
    at = answer.answered_at
    match phase:
        case Lifecycle.ACKNOWLEDGED:
            return [times.running(offer, DeadlineKind.DECIDE, at, offer.decide_by)] if at < offer.decide_by else []
        case Lifecycle.ACCEPTED_BY_PROVIDER:
            return [times.running(offer, DeadlineKind.START, at)]
        case Lifecycle.IN_PROGRESS:
            return [times.running(offer, DeadlineKind.CLOSE, at)]
        case Lifecycle.APPOINTED if answer.appointment_at is not None:
            later = times.kept_by(offer, answer.appointment_at)
        case Lifecycle.NO_SHOW:
            later = times.due(offer, DeadlineKind.START, at)
        case _:
            return []
    due, later = offer.due(DeadlineKind.START), min(later, times.latest_start(offer))
    return [] if due is not None and later <= due else [times.running(offer, DeadlineKind.START, at, later)]


def _taken(
    state: Offers, offer: Offer, answer: notification.AnswerReceived, phase: Lifecycle, clocks: list[Running]
) -> Message:
    """The fact that a legal answer is."""
    turn = offer.turn + 1
    own = answer.provider_reference or offer.provider_reference
    its, at = of(replace(offer, provider_reference=own)), answer.answered_at
    match phase:
        case Lifecycle.ACKNOWLEDGED:
            return notification.Acknowledged(**its, at=at, decide_by=offer.decide_by, clocks=clocks)
        case Lifecycle.ACCEPTED_BY_PROVIDER:
            return notification.OfferAccepted(**its, at=at, clocks=clocks)
        case Lifecycle.DECLINED:  # by value: "other" is a code of both lists, and parses as either
            code = DeclineCode(str(answer.code))
            others_open = state.others_open(offer)
            more: dict[str, Any] = {"missing": answer.missing, "note": answer.note, "others_open": others_open}
            return notification.Declined(**its, at=at, code=code, by=answer.by, **more)
        case Lifecycle.APPOINTED if answer.appointment_at is not None:
            return notification.Appointed(
                **its,
                at=at,
                appointment_at=answer.appointment_at,
                moved=answer.answer is Answer.APPOINTMENT_MOVED,
                turn=turn,
                clocks=clocks,
            )
        case Lifecycle.NO_SHOW:
            return notification.NoShow(
                **its,
                at=at,
                appointment_at=offer.appointment_at,
                by=answer.by,
                note=answer.note,
                turn=turn,
                clocks=clocks,
            )
        case Lifecycle.IN_PROGRESS:
            kept = answer.answer is Answer.APPOINTMENT_KEPT
            when = offer.appointment_at if kept else None
            return notification.InProgress(**its, at=at, kept=kept, appointment_at=when, clocks=clocks)
        case Lifecycle.NOT_DELIVERED:
            why = NotDeliveredCode(str(answer.code))
            return notification.NotDelivered(**its, at=at, code=why, by=answer.by, note=answer.note)
        case _:
            partly = phase is Lifecycle.PARTLY_DELIVERED
            return notification.Delivered(**its, at=at, partly=partly)


def _says_nothing_new(offer: Offer, answer: notification.AnswerReceived) -> bool:
    """An appointment moved to the time at which it is."""
    return answer.answer is Answer.APPOINTMENT_MOVED and answer.appointment_at == offer.appointment_at


def _fault(offer: Offer, answer: notification.AnswerReceived) -> AnswerFault:
    """Why this answer does not follow from where the offer stands."""
    if answer.answer is Answer.CHECK_IN and Answer.CHECK_IN in NEXT.get(offer.phase, {}):
        return AnswerFault.TOO_OFTEN
    another = answer.appointment_at is not None and answer.appointment_at != offer.appointment_at
    if (
        offer.phase in _led_to(answer.answer) and not another
    ):  # another appointment is no repetition, but is to be moved
        return AnswerFault.REPEATED
    return AnswerFault.NOT_ALLOWED if offer.open else AnswerFault.LATE


def _led_to(answer: Answer) -> list[Lifecycle]:
    return [led_to[answer] for led_to in NEXT.values() if answer in led_to]


def refusal(state: Offers, answer: notification.AnswerReceived, fault: AnswerFault, times: Times) -> Reply:
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
        allowed=allowed(offer, times) if offer else [],
        provider_reference=offer.provider_reference if offer else None,
    )
    return Reply(refused, topics.notifications(answer.provider), answer.referral_id)
