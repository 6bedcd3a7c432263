"""Turns a match into an offer to its provider."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contracts import matching, notification, provider
from contracts.words import TAKEN_BY_ANOTHER, DeadlineKind
from services.chassis.decider import Effect

from .broadcast import comes_too_late, revoke_superseded
from .deadlines import DeadlineRules, decision_timer, next_timer
from .messages import fact, offer_fields, provider_fields, to_provider
from .offer import Deadlines, OfferTerms, Undecided
from .state import Offers, evolve


def offer_match(
    state: Offers, match: matching.Matched, rules: DeadlineRules, now: datetime, context: Any
) -> Sequence[Effect]:
    """The offer that a match leads to. Its deadlines count from now: time that a match spent in a queue costs nothing.

    If another offer of its broadcast was accepted already, or its provider may no longer take part, the offer ends as
    it begins, and the provider is not informed.
    """
    if state.current is not None and match.attempt <= state.current.terms.attempt:
        return []
    terms = _terms(match, rules)
    acknowledge = rules.start_clock(terms, DeadlineKind.ACKNOWLEDGE, now)
    decide = rules.start_clock(terms, DeadlineKind.DECIDE, now)
    offer = Undecided(terms, Deadlines(decide.due_at, (acknowledge, decide)))
    offered = notification.Offered(
        **offer_fields(offer),
        at=now,
        acknowledge_by=acknowledge.due_at,
        decide_by=decide.due_at,
        category=terms.category,
        urgency=terms.urgency,
        schedule=terms.schedule,
        clocks=[acknowledge, decide],
    )
    revoked_before = revoke_superseded(state, match, now)
    others_open = evolve(state, offered).others_open(offer)
    if comes_too_late(state, match):
        revoked = notification.Revoked(**offer_fields(offer), at=now, cause=TAKEN_BY_ANOTHER, others_open=others_open)
        return [*revoked_before, fact(offer, offered), fact(offer, revoked)]
    if context is not None and not context.admits(match.provider):
        expired = notification.Expired(**offer_fields(offer), at=now, undeliverable=True, others_open=others_open)
        return [*revoked_before, fact(offer, offered), fact(offer, expired)]
    return [
        *revoked_before,
        to_provider(offer, _message(offer, offered, match)),
        fact(offer, offered),
        *next_timer(acknowledge, offer.deadlines.done),
        decision_timer(decide.due_at),
    ]


def _terms(match: matching.Matched, rules: DeadlineRules) -> OfferTerms:
    """What is offered. Its schedule is there only if the need's time counts in opening hours."""
    return OfferTerms(
        referral_id=match.referral_id,
        need_id=match.need_id,
        need=match.need,
        agency=match.agency,
        reference=match.reference,
        attempt=match.attempt,
        provider=match.provider,
        service=match.service,
        category=match.category,
        urgency=match.urgency,
        schedule=rules.counted_hours(match.category, match.urgency, match.schedule),
        broadcast=match.broadcast,
    )


def _message(offer: Undecided, offered: notification.Offered, match: matching.Matched) -> provider.Offer:
    """What the provider reads."""
    return provider.Offer(
        **provider_fields(offer),
        category=match.category,
        urgency=match.urgency,
        person=match.person,
        region=match.region,
        constraints=match.constraints,
        offered_at=offered.at,
        acknowledge_by=offered.acknowledge_by,
        decide_by=offered.decide_by,
        offers=match.broadcast.offers if match.broadcast else 1,
        companions=match.companions,
        places=max(1, len(match.slots)),
        needs_assessment=match.needs_assessment,
    )
