"""What a provider's answer changes. If it changes nothing, its sender learns why, and what it could answer instead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from contracts import intake, notification, provider, topics
from contracts.base import Message
from contracts.notification import Running
from contracts.words import Answer, AnswerFault, DeadlineKind, DeclineCode, Lifecycle, NotDeliveredCode
from services.chassis.decider import Effect, Emit, Reply

from .broadcast import revoke_rivals
from .deadlines import DeadlineRules, decision_timer, next_timer
from .messages import fact, offer_fields, provider_fields, to_provider
from .state import Offers, OfferState, evolve
from .transitions import NEXT


def decide_answer(state: Offers, answer: notification.AnswerReceived, rules: DeadlineRules) -> Sequence[Effect]:
    """What follows from an answer. It counts while the offer is open, even if late. Its time is the broker's."""
    offer = state.made_to(answer.provider, answer.attempt)
    if offer is None:
        return [refusal(state, answer, AnswerFault.UNKNOWN_OFFER, rules)]
    phase = NEXT.get(offer.phase, {}).get(answer.answer)
    if phase is None or answer.answer not in allowed(offer, rules) or _changes_nothing(offer, answer):
        return [refusal(state, answer, _fault_of(offer, answer), rules)]
    if answer.answer is Answer.CHECK_IN:
        return _check_in(offer, answer, rules)
    clocks = _started_clocks(offer, answer, phase, rules)
    answered = _answer_fact(state, offer, answer, phase, clocks)
    effects: list[Effect] = [fact(offer, answered)]
    if phase is Lifecycle.ACCEPTED_BY_PROVIDER:
        effects.append(_request_release(offer))
        effects += revoke_rivals(evolve(state, answered), offer, answer.answered_at)
    return [*effects, *(timer for run in clocks for timer in next_timer(run, offer.done))]


def allowed(offer: OfferState, rules: DeadlineRules) -> list[Answer]:
    """What could be answered now: `NEXT`, without the check-in once the running clock has had all of its check-ins."""
    used_up = offer.check_ins >= rules.check_ins
    return [answer for answer in NEXT.get(offer.phase, {}) if answer is not Answer.CHECK_IN or not used_up]


def refusal(state: Offers, answer: notification.AnswerReceived, fault: AnswerFault, rules: DeadlineRules) -> Reply:
    """A refusal to the answer's sender. Unless the offer is the sender's, it only repeats what the answer said."""
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
        allowed=allowed(offer, rules) if offer else [],
        provider_reference=offer.provider_reference if offer else None,
    )
    return Reply(refused, topics.notifications(answer.provider), answer.referral_id)


def _check_in(offer: OfferState, answer: notification.AnswerReceived, rules: DeadlineRules) -> Sequence[Effect]:
    """Restarts the running clock, but never so that it ends earlier than before."""
    (clock,) = offer.running
    due = max(rules.due_at(offer, clock, answer.answered_at), offer.due_at(clock) or answer.answered_at)
    run = rules.start_clock(offer, clock, answer.answered_at, due)
    count = offer.check_ins + 1
    counted = provider.CheckInCounted(
        **provider_fields(offer), clock=clock, due_at=run.due_at, left=rules.check_ins - count
    )
    checked_in = notification.CheckedIn(
        **offer_fields(offer), at=answer.answered_at, state=offer.phase, count=count, turn=offer.turn + 1, clocks=[run]
    )
    timers = next_timer(run, offer.done)
    if clock is DeadlineKind.DECIDE:
        timers.append(decision_timer(run.due_at))
    return [fact(offer, checked_in), to_provider(offer, counted), *timers]


def _request_release(offer: OfferState) -> Emit:
    """Asks intake to release the person's contact to the provider that has accepted."""
    request = intake.ReleaseRequested(
        referral_id=offer.referral_id,
        need_id=offer.need_id,
        need=offer.need,
        attempt=offer.attempt,
        provider=offer.provider,
        service=offer.service,
    )
    return Emit(request, topics.inbox("intake"), offer.referral_id)


def _started_clocks(
    offer: OfferState, answer: notification.AnswerReceived, phase: Lifecycle, rules: DeadlineRules
) -> list[Running]:
    """The clock that an allowed answer starts, or moves to a later end."""
    at = answer.answered_at
    match phase:
        case Lifecycle.ACKNOWLEDGED:
            in_time = at < offer.decide_by
            return [rules.start_clock(offer, DeadlineKind.DECIDE, at, offer.decide_by)] if in_time else []
        case Lifecycle.ACCEPTED_BY_PROVIDER:
            return [rules.start_clock(offer, DeadlineKind.START, at)]
        case Lifecycle.IN_PROGRESS:
            return [rules.start_clock(offer, DeadlineKind.CLOSE, at)]
        case Lifecycle.APPOINTED if answer.appointment_at is not None:
            return _postponed_start(offer, answer, rules.appointment_news_due(offer, answer.appointment_at), rules)
        case Lifecycle.NO_SHOW:
            return _postponed_start(offer, answer, rules.due_at(offer, DeadlineKind.START, at), rules)
        case _:
            return []


def _postponed_start(
    offer: OfferState, answer: notification.AnswerReceived, later: datetime, rules: DeadlineRules
) -> list[Running]:
    """The start clock with a later end, as far as appointments may postpone it; none if it would not end later."""
    due, later = offer.due_at(DeadlineKind.START), min(later, rules.latest_start(offer))
    if due is not None and later <= due:
        return []
    return [rules.start_clock(offer, DeadlineKind.START, answer.answered_at, later)]


def _answer_fact(
    state: Offers, offer: OfferState, answer: notification.AnswerReceived, phase: Lifecycle, clocks: list[Running]
) -> Message:
    """The fact that records an allowed answer, which leads to `phase`."""
    reference = answer.provider_reference or offer.provider_reference
    fields, at = offer_fields(replace(offer, provider_reference=reference)), answer.answered_at
    turn = offer.turn + 1
    match phase:
        case Lifecycle.ACKNOWLEDGED:
            return notification.Acknowledged(**fields, at=at, decide_by=offer.decide_by, clocks=clocks)
        case Lifecycle.ACCEPTED_BY_PROVIDER:
            return notification.OfferAccepted(**fields, at=at, clocks=clocks)
        case Lifecycle.DECLINED:
            return notification.Declined(
                **fields,
                at=at,
                code=DeclineCode(str(answer.code)),  # by value: "other" is in both lists, and may be parsed as either
                by=answer.by,
                missing=answer.missing,
                note=answer.note,
                others_open=state.others_open(offer),
            )
        case Lifecycle.APPOINTED if answer.appointment_at is not None:
            return notification.Appointed(
                **fields,
                at=at,
                appointment_at=answer.appointment_at,
                moved=answer.answer is Answer.APPOINTMENT_MOVED,
                turn=turn,
                clocks=clocks,
            )
        case Lifecycle.NO_SHOW:
            return notification.NoShow(
                **fields,
                at=at,
                appointment_at=offer.appointment_at,
                by=answer.by,
                note=answer.note,
                turn=turn,
                clocks=clocks,
            )
        case Lifecycle.IN_PROGRESS:
            kept = answer.answer is Answer.APPOINTMENT_KEPT
            appointment_at = offer.appointment_at if kept else None
            return notification.InProgress(**fields, at=at, kept=kept, appointment_at=appointment_at, clocks=clocks)
        case Lifecycle.NOT_DELIVERED:
            code = NotDeliveredCode(str(answer.code))
            return notification.NotDelivered(**fields, at=at, code=code, by=answer.by, note=answer.note)
        case _:
            return notification.Delivered(**fields, at=at, partly=phase is Lifecycle.PARTLY_DELIVERED)


def _changes_nothing(offer: OfferState, answer: notification.AnswerReceived) -> bool:
    """Whether an appointment is "moved" to the time it already has."""
    return answer.answer is Answer.APPOINTMENT_MOVED and answer.appointment_at == offer.appointment_at


def _fault_of(offer: OfferState, answer: notification.AnswerReceived) -> AnswerFault:
    """Why this answer is not allowed in the offer's state."""
    if answer.answer is Answer.CHECK_IN and Answer.CHECK_IN in NEXT.get(offer.phase, {}):
        return AnswerFault.TOO_OFTEN
    # To propose another appointment is not a repetition: the one there is must be moved.
    another_appointment = answer.appointment_at is not None and answer.appointment_at != offer.appointment_at
    if offer.phase in _states_after(answer.answer) and not another_appointment:
        return AnswerFault.REPEATED
    return AnswerFault.NOT_ALLOWED if offer.open else AnswerFault.LATE


def _states_after(answer: Answer) -> list[Lifecycle]:
    """The states to which an answer can lead."""
    return [following[answer] for following in NEXT.values() if answer in following]
