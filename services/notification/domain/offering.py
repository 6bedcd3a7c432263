"""Turns a match into an offer to its provider."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts import matching, notification, provider
from contracts.words import TAKEN_BY_ANOTHER, DeadlineKind
from services.chassis.decider import Effect

from .broadcast import comes_too_late, revoke_superseded
from .deadlines import DeadlineRules, decision_timer, next_timer
from .messages import fact, offer_fields, provider_fields, to_provider
from .state import Offers, OfferState, evolve


def offer_match(
    state: Offers, match: matching.Matched, rules: DeadlineRules, now: datetime, context: Any
) -> Sequence[Effect]:
    """The offer that a match leads to. Its deadlines count from now: time that a match spent in a queue costs nothing.

    If another offer of its broadcast was accepted already, or its provider may no longer take part, the offer ends as
    it begins, and the provider is not informed.
    """
    if state.current is not None and match.attempt <= state.current.attempt:
        return []
    offer = _new_offer(match, rules, now)
    acknowledge = rules.start_clock(offer, DeadlineKind.ACKNOWLEDGE, now, offer.acknowledge_by)
    decide = rules.start_clock(offer, DeadlineKind.DECIDE, now, offer.decide_by)
    offered = notification.Offered(
        **offer_fields(offer),
        at=now,
        acknowledge_by=offer.acknowledge_by,
        decide_by=offer.decide_by,
        category=offer.category,
        urgency=offer.urgency,
        schedule=offer.schedule,
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
        to_provider(offer, _message(offer, match, now)),
        fact(offer, offered),
        *next_timer(acknowledge, offer.done),
        decision_timer(offer.decide_by),
    ]


def _new_offer(match: matching.Matched, rules: DeadlineRules, now: datetime) -> OfferState:
    """The offer as it will stand. Its deadlines are set last, since they depend on the other fields."""
    offer = OfferState(
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
        schedule=rules.counted_hours(match.category, match.urgency, match.schedule),
        broadcast=match.broadcast,
    )
    return replace(
        offer,
        acknowledge_by=rules.due_at(offer, DeadlineKind.ACKNOWLEDGE, now),
        decide_by=rules.due_at(offer, DeadlineKind.DECIDE, now),
    )


def _message(offer: OfferState, match: matching.Matched, now: datetime) -> provider.Offer:
    """What the provider reads."""
    return provider.Offer(
        **provider_fields(offer),
        category=match.category,
        urgency=match.urgency,
        person=match.person,
        region=match.region,
        constraints=match.constraints,
        offered_at=now,
        acknowledge_by=offer.acknowledge_by,
        decide_by=offer.decide_by,
        offers=match.broadcast.offers if match.broadcast else 1,
        companions=match.companions,
        places=max(1, len(match.slots)),
        needs_assessment=match.needs_assessment,
    )
