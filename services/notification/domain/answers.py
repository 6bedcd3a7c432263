"""What a provider's answer changes. If it changes nothing, its sender learns why, and what it could answer instead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from contracts import intake, notification, provider, topics
from contracts.base import Message
from contracts.notification import Running
from contracts.words import Answer, AnswerFault, DeadlineKind, DeclineCode, Lifecycle, NotDeliveredCode
from services.chassis.decider import Effect, Emit, Reply

from .broadcast import revoke_rivals, state_after
from .confirmation import confirm
from .deadlines import DeadlineRules, decision_timer, next_timer
from .messages import fact, offer_fields, provider_fields, to_provider
from .offer import Accepted, Ended, OfferState, OfferTerms, OpenOffer, Undecided
from .state import Offers, evolve
from .transitions import CLOCKS, NEXT


def decide_answer(state: Offers, answer: notification.AnswerReceived, rules: DeadlineRules) -> Sequence[Effect]:
    """What follows from an answer. It counts while the offer is open, even if late. Its time is the broker's."""
    offer = state.made_to(answer.provider, answer.attempt)
    if offer is None:
        return [refusal(state, answer, AnswerFault.UNKNOWN_OFFER, rules)]
    if isinstance(offer, Ended) or answer.answer not in allowed(offer, rules) or _changes_nothing(offer, answer):
        return [refusal(state, answer, _fault_of(offer, answer), rules)]
    if answer.answer is Answer.CHECK_IN:
        return _check_in(offer, answer, rules)
    phase = NEXT[offer.phase][answer.answer]
    match offer:
        case Undecided():
            effects = _decision(state, offer, answer, phase, rules)
        case Accepted():
            effects = _progress(offer, answer, phase, rules)
    after = state_after(state, effects).made_to(answer.provider, answer.attempt) or offer
    return [*effects, confirm(after, answer)]


def allowed(offer: OfferState, rules: DeadlineRules) -> list[Answer]:
    """What could be answered now: `NEXT`, without the check-in once the running clock has had all of its check-ins."""
    if isinstance(offer, Ended):
        return []
    used_up = offer.deadlines.check_ins >= rules.check_ins
    return [answer for answer in NEXT[offer.phase] if answer is not Answer.CHECK_IN or not used_up]


def refusal(state: Offers, answer: notification.AnswerReceived, fault: AnswerFault, rules: DeadlineRules) -> Reply:
    """A refusal to the answer's sender. Unless the offer is the sender's, it only repeats what the answer said."""
    offer = state.made_to(answer.provider, answer.attempt)
    refused = provider.AnswerRefused(
        provider=answer.provider,
        referral_id=answer.referral_id,
        need=answer.need,
        need_id=answer.need_id,
        attempt=answer.attempt,
        service=offer.terms.service if offer else "",
        answer=answer.answer,
        reason=fault if offer else AnswerFault.UNKNOWN_OFFER,
        state=offer.phase.value if offer else "unknown",
        allowed=allowed(offer, rules) if offer else [],
        provider_reference=offer.provider_reference if offer else None,
    )
    return Reply(refused, topics.notifications(answer.provider), answer.referral_id)


def _check_in(offer: OpenOffer, answer: notification.AnswerReceived, rules: DeadlineRules) -> Sequence[Effect]:
    """Restarts the running clock, but never so that it ends earlier than before."""
    at, deadlines = answer.answered_at, offer.deadlines
    (clock,) = CLOCKS[offer.phase]
    due = max(rules.due_at(offer.terms, clock, at), deadlines.due_at(clock) or at)
    run = rules.start_clock(offer.terms, clock, at, due)
    count, turn = deadlines.check_ins + 1, deadlines.turn + 1
    counted = provider.CheckInCounted(
        **provider_fields(offer), clock=clock, due_at=run.due_at, left=rules.check_ins - count
    )
    checked_in = notification.CheckedIn(
        **offer_fields(offer), at=at, state=offer.phase, count=count, turn=turn, clocks=[run]
    )
    timers = next_timer(run, deadlines.done)
    if clock is DeadlineKind.DECIDE:
        timers.append(decision_timer(run.due_at))
    return [fact(offer, checked_in), to_provider(offer, counted), *timers]


def _decision(
    state: Offers, offer: Undecided, answer: notification.AnswerReceived, phase: Lifecycle, rules: DeadlineRules
) -> list[Effect]:
    """What follows when the provider acknowledges, accepts or declines."""
    fields, at = offer_fields(_with_reference(offer, answer)), answer.answered_at
    match phase:
        case Lifecycle.ACKNOWLEDGED:
            decide_by = offer.deadlines.decide_by
            clocks = [rules.start_clock(offer.terms, DeadlineKind.DECIDE, at, decide_by)] if at < decide_by else []
            acknowledged = notification.Acknowledged(**fields, at=at, decide_by=decide_by, clocks=clocks)
            return [fact(offer, acknowledged), *_timers(offer, clocks)]
        case Lifecycle.ACCEPTED_BY_PROVIDER:
            clocks = [rules.start_clock(offer.terms, DeadlineKind.START, at)]
            accepted = notification.OfferAccepted(**fields, at=at, clocks=clocks)
            rivals_revoked = revoke_rivals(evolve(state, accepted), offer.terms, at)
            return [fact(offer, accepted), _request_release(offer.terms), *rivals_revoked, *_timers(offer, clocks)]
        case _:
            declined = notification.Declined(
                **fields,
                at=at,
                code=DeclineCode(str(answer.code)),  # by value: "other" is in both lists, and may be parsed as either
                by=answer.by,
                missing=answer.missing,
                note=answer.note,
                others_open=state.others_open(offer),
            )
            return [fact(offer, declined)]


def _request_release(terms: OfferTerms) -> Emit:
    """Asks intake to release the person's contact to the provider that has accepted."""
    request = intake.ReleaseRequested(
        referral_id=terms.referral_id,
        need_id=terms.need_id,
        need=terms.need,
        attempt=terms.attempt,
        provider=terms.provider,
        service=terms.service,
    )
    return Emit(request, topics.inbox("intake"), terms.referral_id)


def _progress(
    offer: Accepted, answer: notification.AnswerReceived, phase: Lifecycle, rules: DeadlineRules
) -> list[Effect]:
    """What follows when the provider reports how it goes on after acceptance."""
    clocks = _clocks_after_acceptance(offer, answer, phase, rules)
    return [fact(offer, _progress_fact(offer, answer, phase, clocks)), *_timers(offer, clocks)]


def _clocks_after_acceptance(
    offer: Accepted, answer: notification.AnswerReceived, phase: Lifecycle, rules: DeadlineRules
) -> list[Running]:
    """The clock that an answer starts, or moves to a later end."""
    at, terms = answer.answered_at, offer.terms
    match phase:
        case Lifecycle.IN_PROGRESS:
            return [rules.start_clock(terms, DeadlineKind.CLOSE, at)]
        case Lifecycle.APPOINTED if answer.appointment_at is not None:
            return _postponed_start(offer, at, rules.appointment_news_due(terms, answer.appointment_at), rules)
        case Lifecycle.NO_SHOW:
            return _postponed_start(offer, at, rules.due_at(terms, DeadlineKind.START, at), rules)
        case _:
            return []


def _postponed_start(offer: Accepted, at: datetime, later: datetime, rules: DeadlineRules) -> list[Running]:
    """The start clock with a later end, as far as appointments may postpone it; none if it would not end later."""
    due, later = offer.deadlines.due_at(DeadlineKind.START), min(later, rules.latest_start(offer))
    if due is not None and later <= due:
        return []
    return [rules.start_clock(offer.terms, DeadlineKind.START, at, later)]


def _progress_fact(
    offer: Accepted, answer: notification.AnswerReceived, phase: Lifecycle, clocks: list[Running]
) -> Message:
    """The fact that records an allowed answer to an accepted offer, which leads to `phase`."""
    fields, at = offer_fields(_with_reference(offer, answer)), answer.answered_at
    turn = offer.deadlines.turn + 1
    match phase:
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


def _timers(offer: OpenOffer, clocks: list[Running]) -> list[Effect]:
    """The next timer of each clock that an answer has started."""
    return [timer for run in clocks for timer in next_timer(run, offer.deadlines.done)]


def _with_reference(offer: OpenOffer, answer: notification.AnswerReceived) -> OpenOffer:
    """The offer with the provider's own case number, if the answer gives one."""
    return replace(offer, provider_reference=answer.provider_reference or offer.provider_reference)


def _appointment(offer: OfferState) -> datetime | None:
    return offer.appointment_at if isinstance(offer, Accepted) else None


def _changes_nothing(offer: OfferState, answer: notification.AnswerReceived) -> bool:
    """Whether an appointment is "moved" to the time it already has."""
    return answer.answer is Answer.APPOINTMENT_MOVED and answer.appointment_at == _appointment(offer)


def _fault_of(offer: OfferState, answer: notification.AnswerReceived) -> AnswerFault:
    """Why this answer is not allowed in the offer's state."""
    if answer.answer is Answer.CHECK_IN and Answer.CHECK_IN in NEXT.get(offer.phase, {}):
        return AnswerFault.TOO_OFTEN
    # To propose another appointment is not a repetition: the one there is must be moved.
    another_appointment = answer.appointment_at is not None and answer.appointment_at != _appointment(offer)
    if offer.phase in _states_after(answer.answer) and not another_appointment:
        return AnswerFault.REPEATED
    return AnswerFault.LATE if isinstance(offer, Ended) else AnswerFault.NOT_ALLOWED


def _states_after(answer: Answer) -> list[Lifecycle]:
    """The states to which an answer can lead."""
    return [following[answer] for following in NEXT.values() if answer in following]
