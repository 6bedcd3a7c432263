"""What leaves the gate of a person: coarse, and nothing that tells who it is."""

from datetime import datetime

from contracts import agency as sent
from contracts.ids import need_id
from contracts.intake import Asked, Minimum, RecommendationAsked, Region
from contracts.words import Flag

from .triage import triage


def flags(person: sent.Person | sent.Sketch) -> list[Flag]:
    """Each once; `disability` is said in either of two places."""
    said = [*person.flags, *([Flag.DISABILITY] if person.disability else [])]
    return list(dict.fromkeys(said))


def recommendation_asked(
    request: str, agency: str, at: datetime, question: sent.RecommendationRequested
) -> RecommendationAsked:
    """The question as matching sees it, which is as it would see the needs of a referral."""
    person = Minimum(
        age_band=question.person.age_band,
        sex=question.person.sex,
        languages=question.person.languages,
        status=question.person.status,
        flags=flags(question.person),
        household_size=question.household_size,
    )
    return RecommendationAsked(
        request_id=request,
        agency=agency,
        reference=question.reference,
        asked_at=at,
        person=person,
        region=Region(admin1=question.location.admin1),
        recipients=question.recipients,
        needs=[
            Asked(
                need_id=need_id(request, need.need),
                need=need.need,
                category=need.category,
                urgency=triage(need.urgency, need.category, person.flags),
                constraints=need.constraints,
                preferences=need.preferences,
            )
            for need in question.needs
        ],
    )
