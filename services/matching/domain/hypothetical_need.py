"""A hypothetical need, which an agency asks about before it refers anybody, as the need that it would be."""

from contracts.intake import NeedRegistered, RecommendationAsked
from contracts.profiles import HypotheticalNeed
from contracts.words import ReferrerKind


def as_need(request: RecommendationAsked, hypothetical: HypotheticalNeed) -> NeedRegistered:
    """The need that a referral with the same content would have led to."""
    return NeedRegistered(
        referral_id=request.request_id,
        need_id=hypothetical.need_id,
        need=hypothetical.need,
        agency=request.agency,
        reference=request.reference,
        referrer=ReferrerKind.ORGANISATION,  # nothing depends on it
        requested_at=request.asked_at,
        category=hypothetical.category,
        urgency=hypothetical.urgency,
        person=hypothetical.person,
        region=request.region,
        constraints=hypothetical.constraints,
        preferences=hypothetical.preferences,
        recipients=request.recipients,
        companions=hypothetical.companions,
        places=hypothetical.places,
    )
