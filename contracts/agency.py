"""What an agency sends on ``agency.<id>.referrals``. It contains personal data, which intake's gate seals."""

from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, WithJsonSchema, model_validator

from .base import Input, Value
from .formats import Day, Moment, Within
from .household_rules import (
    HouseholdSize,
    age_band_on,
    check_labels,
    check_one_age,
    household_size,
    needs_caregiver,
)
from .words import AgeBand, Category, ConsentGiver, Flag, LegalBasis, PersonalField, ReferrerKind, Sex, Status, Urgency

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""An agency's own number for a referral, or its label for a need. It must not be a name, since services see it."""

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""ISO 639-1 or 639-3 code."""
Admin1 = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""ISO 3166-2 subdivision such as ``BY-BR``, or the country alone."""

StatedUrgency = Annotated[Urgency, WithJsonSchema({"type": "string", "enum": [*Urgency, *Urgency.aliases()]})]
"""An urgency, or one of the names that other systems use for it."""

Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Caregiver(Value):
    """Who cares for a child, and whether that person knows of the referral (UNHCR inter-agency referral form)."""

    name: Short | None = None
    relation: Short | None = None
    informed: bool
    separated: bool = False


class Contact(Value):
    """Whether and how the person may be reached. If `may_contact` is false, no channel is released to anyone."""

    may_contact: bool
    phone: Short | None = None
    email: Short | None = None
    other: Short | None = None


class Person(Value):
    """The person referred. A name or a case code and a birth date or an age band are enough."""

    name: Short | None = None
    case_code: Short | None = None
    birth_date: Day | None = None
    age_band: AgeBand | None = None
    sex: Sex
    languages: Annotated[list[Language], Field(min_length=1, max_length=10)]
    nationality: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    status: Status | None = None
    disability: bool = False
    flags: Annotated[list[Flag], Field(max_length=12)] = []
    caregiver: Caregiver | None = None
    contact: Contact

    @model_validator(mode="after")
    def _identified_and_aged(self) -> Self:
        if self.name is None and self.case_code is None:
            raise ValueError("give a name or a case_code")
        check_one_age(self.birth_date, self.age_band)
        # With a birth date the age depends on the day, so the gate checks it.
        if self.age_band is not None and needs_caregiver(self.age_band) and self.caregiver is None:
            raise ValueError("under 18 the caregiver block is needed, also for an unaccompanied child")
        return self

    def band_on(self, day: date) -> AgeBand:
        """The age band on a day."""
        return age_band_on(day, self.birth_date, self.age_band)


class Member(Value):
    """A member of the household other than the person. `member` is the agency's label; it must not be a name.

    Without `languages` the member speaks the person's. The household is reached through the person's contact.
    """

    member: Reference
    name: Short | None = None
    case_code: Short | None = None
    relation: Short | None = None
    birth_date: Day | None = None
    age_band: AgeBand | None = None
    sex: Sex
    languages: Annotated[list[Language], Field(max_length=10)] = []
    nationality: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    status: Status | None = None
    disability: bool = False
    flags: Annotated[list[Flag], Field(max_length=12)] = []

    @model_validator(mode="after")
    def _aged(self) -> Self:
        check_one_age(self.birth_date, self.age_band)
        return self

    def band_on(self, day: date) -> AgeBand:
        """The age band on a day."""
        return age_band_on(day, self.birth_date, self.age_band)


class Location(Value):
    """Where the person is. Coordinates are WGS 84 degrees; only a coarse H3 cell leaves the gate."""

    admin1: Admin1
    place: Short | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give both latitude and longitude, or neither")
        return self


class Grant(Value):
    """Which fields these recipients may see once they have accepted."""

    recipients: Literal["any"] | Annotated[list[TenantId], Field(min_length=1, max_length=50)]
    fields: Annotated[list[PersonalField], Field(max_length=len(PersonalField))] = []


class Consent(Value):
    """What was agreed, on what legal basis, when and by whom.

    A need is never routed to a provider that no grant covers. Without any grants, consent was withdrawn.
    """

    basis: LegalBasis
    given_at: Annotated[Moment, Within(years_before=50, years_after=0)]
    given_by: ConsentGiver
    grants: Annotated[list[Grant], Field(max_length=20)]


class GivenConsent(Consent):
    """A consent with a grant, which every new referral must have: without one no provider may be asked."""

    grants: Annotated[list[Grant], Field(min_length=1, max_length=20)]


class Constraints(Value):
    """Limits that every service must keep. `max_distance_km` is measured from the person's cell to the service."""

    max_distance_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    languages: Annotated[list[Language], Field(max_length=5)] = []
    step_free: bool = False
    not_providers: Annotated[list[TenantId], Field(max_length=50)] = []


class Preferences(Value):
    """What the person prefers. It decides only between services that are otherwise equal or nearly so."""

    providers: Annotated[list[TenantId], Field(max_length=10)] = []


class NeedRequest(Value):
    """One thing that is needed. `need` is the agency's label for it.

    `members` are the labels of the people it is for (``person`` is the person referred). Without any, it is for the
    whole household if `together` is true, else for the person. A need that is `together` is met for all of them at one
    service, which has a place for each, or not at all. If left out, `together` is true for several members, and for
    shelter, so that families stay together by default.
    """

    need: Reference
    category: Category
    urgency: StatedUrgency
    constraints: Constraints = Constraints()
    preferences: Preferences = Preferences()
    members: Annotated[list[Reference], Field(max_length=30)] = []
    together: bool | None = None

    @model_validator(mode="after")
    def _for_one_or_together(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError("name each member once")
        if self.together is False and len(self.members) > 1:
            raise ValueError("each person who is served alone has a need of their own: name one member in each")
        return self

    def is_together(self, household: int) -> bool:
        """Whether it is for several people who must be served together, in a household of this size."""
        if len(self.members or range(household)) == 1:
            return False
        return self.category is Category.SHELTER or bool(self.members) if self.together is None else self.together


class ReferralNeed(NeedRequest):
    """A need of a referral."""

    note: Note | None = None


class Submitted(Input):
    """A new referral, from an agency to intake. Sent twice with the same reference, it is one referral.

    `household` describes the members of the person's household, if a need is for them or must be met together.
    """

    TYPE: ClassVar[str] = "agency.submitted.v1"

    reference: Reference
    agency: TenantId | None = None
    referrer: ReferrerKind
    person: Person
    household_size: HouseholdSize = 1
    household: Annotated[list[Member], Field(max_length=29)] = []
    location: Location
    consent: GivenConsent
    needs: Annotated[list[ReferralNeed], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _labels_agree(self) -> Self:
        check_labels(self.needs, [each.member for each in self.household], self.household_size)
        return self

    @property
    def size(self) -> int:
        """The number of people in the household, the person included, whether or not they are described."""
        return household_size(self.household_size, len(self.household))


class Corrected(Submitted):
    """A correction, from an agency to intake: the whole referral as it should have been.

    Needs that are no longer in it are withdrawn.
    """

    TYPE: ClassVar[str] = "agency.corrected.v1"


class ConsentChanged(Input):
    """A changed consent, from an agency to intake: the whole consent from now on.

    A consent with an older `given_at` than the one in force is refused. If the new consent is wider, further providers
    can be asked, and a provider that has the need is sent the fields that it may now see. If it is narrower, offers to
    providers that may no longer have the need are revoked, and fields beyond the grants are recalled. Without grants
    everything is revoked and recalled; if the basis is ``consent``, the open needs end as withdrawn. On any other legal
    basis they stay open, but no provider is asked until there is a grant.
    """

    TYPE: ClassVar[str] = "agency.consent-changed.v1"

    reference: Reference
    agency: TenantId | None = None
    consent: Consent


class ReferralWithdrawn(Input):
    """A withdrawal, from an agency to intake: the listed needs, or the whole referral, are no longer wanted."""

    TYPE: ClassVar[str] = "agency.withdrawn.v1"

    reference: Reference
    agency: TenantId | None = None
    needs: Annotated[list[Reference], Field(max_length=20)] = []
    reason: Literal["resolved", "person-request", "mistake", "moved-away", "other"] = "other"


class StatusRequested(Input):
    """A question from an agency to intake: what is the current status of this referral?"""

    TYPE: ClassVar[str] = "agency.status-requested.v1"

    reference: Reference
    agency: TenantId | None = None
