"""What leaves the gate of a person: coarse, and nothing that tells who it is."""

from collections.abc import Iterable
from datetime import date, datetime

from contracts import agency as sent
from contracts.ids import need_id
from contracts.intake import (
    HouseholdMember,
    HypotheticalNeed,
    MinimalProfile,
    Problem,
    RecommendationAsked,
    Region,
    RequestedNeed,
)
from contracts.recommendation import RecommendationRequested, Sketch
from contracts.words import AgeBand, Flag
from services.chassis.ingress.gate import RefusalError

from ..domain.household import all_flags, for_whom
from ..domain.triage import triage


def flags(person: sent.Person | sent.Member | Sketch) -> list[Flag]:
    """Each once; `disability` is said in either of two places."""
    said = [*person.flags, *([Flag.DISABILITY] if person.disability else [])]
    return list(dict.fromkeys(said))


def band(person: sent.Person | sent.Member, today: date, path: str) -> AgeBand:
    """The age band today. Raises `RefusalError` for a birth date that can not be; `path` is where the person stands."""
    born = person.birth_date
    if born is not None and born > today:
        raise RefusalError(Problem(field=f"{path}.birth_date", fix="a birth date can not be in the future"))
    if born is not None and born.year < today.year - AgeBand.OLDER.years[1]:
        raise RefusalError(Problem(field=f"{path}.birth_date", fix="nobody is that old"))
    return person.band_on(today)


def fellows(household: Iterable[sent.Member], person: MinimalProfile, today: date) -> list[HouseholdMember]:
    """The members of a household. Raises `RefusalError`."""
    return [
        HouseholdMember(
            member=each.member,
            person=MinimalProfile(
                age_band=band(each, today, f"household.{index}"),
                sex=each.sex,
                languages=each.languages or person.languages,
                status=each.status,
                flags=flags(each),
                household_size=person.household_size,
            ),
        )
        for index, each in enumerate(household)
    ]


def asked(referral: str, need: sent.NeedRequest, size: int) -> RequestedNeed:
    """A need, without its note, of a household of so many."""
    return RequestedNeed(
        need_id=need_id(referral, need.need),
        need=need.need,
        category=need.category,
        urgency=need.urgency,
        constraints=need.constraints,
        preferences=need.preferences,
        members=need.members,
        together=need.is_together(size),
    )


def recommendation_asked(
    request: str, agency: str, at: datetime, question: RecommendationRequested
) -> RecommendationAsked:
    """The question as matching sees it, which is as it would see the needs of a referral."""
    person = _minimum(question.person, question.size)
    household = [
        HouseholdMember(member=each.member, person=_minimum(each, question.size)) for each in question.household
    ]
    return RecommendationAsked(
        request_id=request,
        agency=agency,
        reference=question.reference,
        asked_at=at,
        region=Region(admin1=question.location.admin1),
        recipients=question.recipients,
        needs=[_posed(asked(request, need, question.size), person, household) for need in question.needs],
    )


def _minimum(person: Sketch, size: int) -> MinimalProfile:
    return MinimalProfile(
        age_band=person.age_band,
        sex=person.sex,
        languages=person.languages,
        status=person.status,
        flags=flags(person),
        household_size=size,
    )


def _posed(need: RequestedNeed, person: MinimalProfile, household: list[HouseholdMember]) -> HypotheticalNeed:
    those = for_whom(need.members, need.together, person, household)
    return HypotheticalNeed(
        need_id=need.need_id,
        need=need.need,
        category=need.category,
        urgency=triage(need.urgency, need.category, all_flags([those.person, *those.companions])),
        constraints=need.constraints,
        preferences=need.preferences,
        person=those.person,
        companions=those.companions,
        places=those.places,
    )
