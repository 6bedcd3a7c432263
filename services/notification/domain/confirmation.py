"""Confirms to a provider that its answer took effect: whoever reads its topic knows where the offer stands."""

from contracts import notification, provider
from services.chassis.decider import Emit

from .messages import provider_fields, to_provider
from .offer import Accepted, Ended, OfferState


def confirm(offer: OfferState, answer: notification.AnswerReceived) -> Emit:
    """The confirmation of an answer. `offer` is as the answer left it."""
    clock, due_at = None, None
    if not isinstance(offer, Ended) and (due := offer.deadlines.next_due(offer.phase)):
        clock, due_at = due
    confirmed = provider.AnswerConfirmed(
        **provider_fields(offer),
        answer=answer.answer,
        state=offer.phase,
        at=answer.answered_at,
        by=answer.by,
        code=answer.code,
        clock=clock,
        due_at=due_at,
        appointment_at=offer.appointment_at if isinstance(offer, Accepted) else None,
    )
    return to_provider(offer, confirmed)
