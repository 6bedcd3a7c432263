"""A question about a person who may be referred, as the need it would be."""

from contracts.intake import HypotheticalNeed, NeedRegistered, RecommendationAsked
from contracts.words import ReferrerKind


def as_need(question: RecommendationAsked, asked: HypotheticalNeed) -> NeedRegistered:
    """The need that a referral with these words would have had."""
    return NeedRegistered(
        referral_id=question.request_id,
        need_id=asked.need_id,
        need=asked.need,
        agency=question.agency,
        reference=question.reference,
        referrer=ReferrerKind.ORGANISATION,  # nothing depends on it
        requested_at=question.asked_at,
        category=asked.category,
        urgency=asked.urgency,
        person=asked.person,
        region=question.region,
        constraints=asked.constraints,
        preferences=asked.preferences,
        recipients=question.recipients,
        companions=asked.companions,
        places=asked.places,
    )
