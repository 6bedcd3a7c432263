"""The coarse profile of a person that leaves the gate, with nothing that identifies anyone."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from contracts import agency as sent
from contracts.household_rules import birth_date_error
from contracts.ids import need_id
from contracts.intake import RecommendationAsked
from contracts.profiles import HouseholdMember, HypotheticalNeed, MinimalProfile, Problem, Region, RequestedNeed
from contracts.recommendation import RecommendationRequested, Sketch
from contracts.words import AgeBand, Flag
from contracts.zones import latest_day, local_day
from services.chassis.ingress.gate import RefusalError

from ..domain.household import all_flags, people_served
from ..domain.triage import triage


def flags_of(person: sent.Person | sent.Member | Sketch) -> list[Flag]:
    """The person's flags, each once. A disability may be stated as a flag or in the field `disability`."""
    flags = [*person.flags, *([Flag.DISABILITY] if person.disability else [])]
    return list(dict.fromkeys(flags))


class Days(NamedTuple):
    """The day where the person is, and the latest that it may be for anybody in that country."""

    today: date
    latest: date

    @classmethod
    def at(cls, location: sent.Location, moment: datetime) -> "Days":
        """The days at a place at a moment."""
        return cls(local_day(location.admin1, moment), latest_day(location.admin1, moment))


def age_band_on(days: Days, person: sent.Person | sent.Member, path: str) -> AgeBand:
    """The person's age band today. `path` is where the person is in the message.

    Raises `RefusalError` for a birth date that is impossible.
    """
    error = birth_date_error(person.birth_date, days.latest)
    if error is not None:
        raise RefusalError(Problem(field=f"{path}.birth_date", fix=error))
    return person.band_on(days.today)


def minimal_person(person: sent.Person, household_size: int, days: Days) -> MinimalProfile:
    """The profile of the person referred. Raises `RefusalError`."""
    return MinimalProfile(
        age_band=age_band_on(days, person, "person"),
        sex=person.sex,
        languages=person.languages,
        status=person.status,
        flags=flags_of(person),
        household_size=household_size,
    )


def minimal_household(household: Iterable[sent.Member], person: MinimalProfile, days: Days) -> list[HouseholdMember]:
    """The profiles of the other members. Without languages of their own they speak the person's.

    Raises `RefusalError`.
    """
    return [
        HouseholdMember(
            member=member.member,
            person=MinimalProfile(
                age_band=age_band_on(days, member, f"household.{index}"),
                sex=member.sex,
                languages=member.languages or person.languages,
                status=member.status,
                flags=flags_of(member),
                household_size=person.household_size,
            ),
        )
        for index, member in enumerate(household)
    ]


def requested_need(referral: str, need: sent.NeedRequest, household_size: int) -> RequestedNeed:
    """A need without its note."""
    return RequestedNeed(
        need_id=need_id(referral, need.need),
        need=need.need,
        category=need.category,
        urgency=need.urgency,
        constraints=need.constraints,
        preferences=need.preferences,
        members=need.members,
        together=need.is_together(household_size),
    )


def minimal_recommendation_request(
    request_id: str, agency: str, at: datetime, request: RecommendationRequested
) -> RecommendationAsked:
    """The request as matching sees it. Its needs look like the needs of a referral."""
    person = _minimal_sketch(request.person, request.size)
    household = [
        HouseholdMember(member=member.member, person=_minimal_sketch(member, request.size))
        for member in request.household
    ]
    needs = [requested_need(request_id, need, request.size) for need in request.needs]
    return RecommendationAsked(
        request_id=request_id,
        agency=agency,
        reference=request.reference,
        asked_at=at,
        region=Region(admin1=request.location.admin1),
        recipients=request.recipients,
        needs=[_hypothetical_need(need, person, household) for need in needs],
    )


def _minimal_sketch(person: Sketch, household_size: int) -> MinimalProfile:
    return MinimalProfile(
        age_band=person.age_band,
        sex=person.sex,
        languages=person.languages,
        status=person.status,
        flags=flags_of(person),
        household_size=household_size,
    )


def _hypothetical_need(
    need: RequestedNeed, person: MinimalProfile, household: list[HouseholdMember]
) -> HypotheticalNeed:
    people = people_served(need.members, need.together, person, household)
    return HypotheticalNeed(
        need_id=need.need_id,
        need=need.need,
        category=need.category,
        urgency=triage(need.urgency, need.category, all_flags([people.person, *people.companions])),
        constraints=need.constraints,
        preferences=need.preferences,
        person=people.person,
        companions=people.companions,
        places=people.places,
    )
