"""What an agency sends on ``agency.<id>.referrals``. Holds personal data; intake's gate seals it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from .base import Input, Value
from .words import AgeBand, Category, ConsentGiver, Flag, LegalBasis, PersonalField, ReferrerKind, Sex, Status, Urgency

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""An agency's own number for a referral, or its label for a need. Appears in topics, so it must not be a name."""

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""ISO 639-1 or 639-3 code."""
Admin1 = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""ISO 3166-2 subdivision such as ``BY-BR``, or the country alone."""
PERSON = "person"
"""The label of the person referred, among the labels of the household's members."""

Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Caregiver(Value):
    """Who cares for a child, and whether they know of the referral (UNHCR inter-agency form)."""

    name: Short | None = None
    relation: Short | None = None
    informed: bool
    separated: bool = False


class Contact(Value):
    """How, or whether, the person may be reached. `may_contact` false hides every channel from everyone."""

    may_contact: bool
    phone: Short | None = None
    email: Short | None = None
    other: Short | None = None


def _band_on(day: date, born: date | None, band: AgeBand | None) -> AgeBand:
    """Of somebody of whom one of the two is known."""
    if band is not None:
        return band
    assert born is not None, "the model holds one of the two"  # noqa: S101
    return AgeBand.born(born, day)


class Person(Value):
    """Who is referred. A name or a case code, a birth date or an age band: the least that will do."""

    name: Short | None = None
    case_code: Short | None = None
    birth_date: date | None = None
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
        if (self.birth_date is None) == (self.age_band is None):
            raise ValueError("give either birth_date or age_band")
        band = self.age_band
        if band in (AgeBand.TODDLER, AgeBand.CHILD, AgeBand.ADOLESCENT) and self.caregiver is None:
            raise ValueError("under 18 the caregiver block is needed, also for an unaccompanied child")
        return self

    def band_on(self, day: date) -> AgeBand:
        """The age band on a day."""
        return _band_on(day, self.birth_date, self.age_band)


class Member(Value):
    """Somebody of the household besides the person. `member` is the agency's label, so it must not be a name.

    Without `languages` they are the person's. Reached by the person's contact.
    """

    member: Reference
    name: Short | None = None
    case_code: Short | None = None
    relation: Short | None = None
    birth_date: date | None = None
    age_band: AgeBand | None = None
    sex: Sex
    languages: Annotated[list[Language], Field(max_length=10)] = []
    nationality: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    status: Status | None = None
    disability: bool = False
    flags: Annotated[list[Flag], Field(max_length=12)] = []

    @model_validator(mode="after")
    def _aged(self) -> Self:
        if (self.birth_date is None) == (self.age_band is None):
            raise ValueError("give either birth_date or age_band")
        return self

    def band_on(self, day: date) -> AgeBand:
        """The age band on a day."""
        return _band_on(day, self.birth_date, self.age_band)


class Location(Value):
    """Where the person is. Coordinates are WGS 84 degrees and leave the gate only as a coarse H3 cell."""

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
    """Which fields the named recipients may see once they have accepted."""

    recipients: Literal["any"] | Annotated[list[TenantId], Field(min_length=1, max_length=50)]
    fields: Annotated[list[PersonalField], Field(max_length=len(PersonalField))] = []


class Consent(Value):
    """What was agreed, on what basis, when and by whom. No grant that covers a provider: never routed to it.

    No grants at all: it was withdrawn.
    """

    basis: LegalBasis
    given_at: AwareDatetime
    given_by: ConsentGiver
    grants: Annotated[list[Grant], Field(max_length=20)]


class GivenConsent(Consent):
    """A consent that lets somebody be asked. Without one there is nothing to refer."""

    grants: Annotated[list[Grant], Field(min_length=1, max_length=20)]


class Constraints(Value):
    """Limits that are never traded. `max_distance_km` counts from the person's cell to the service."""

    max_distance_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    languages: Annotated[list[Language], Field(max_length=5)] = []
    step_free: bool = False
    not_providers: Annotated[list[TenantId], Field(max_length=50)] = []


class Preferences(Value):
    """What would be liked, other things being equal."""

    providers: Annotated[list[TenantId], Field(max_length=10)] = []


class NeedRequest(Value):
    """One thing asked for. `need` is the agency's label for it.

    `members` says whom it is for, by label (``person`` is who is referred). None named: the whole household where it
    is `together`, else the person. What is together is met for all at one service, which has a place for each, or not
    at all. Left out, it is true for several members, and for shelter: a family is not to be parted by default.
    """

    need: Reference
    category: Category
    urgency: Urgency
    constraints: Constraints = Constraints()
    preferences: Preferences = Preferences()
    members: Annotated[list[Reference], Field(max_length=30)] = []
    together: bool | None = None

    @model_validator(mode="after")
    def _for_one_or_together(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError("name each member once")
        if self.together is False and len(self.members) > 1:
            raise ValueError("whoever is not to be served together has a need of their own: name one member in each")
        return self

    def is_together(self, household: int) -> bool:
        """Whether it is for several, in a household of so many, and all of them are to be served or none."""
        if len(self.members or range(household)) == 1:
            return False
        return self.category is Category.SHELTER or bool(self.members) if self.together is None else self.together


class ReferralNeed(NeedRequest):
    """A need of a referral."""

    note: Note | None = None


def check_labels(needs: Sequence[NeedRequest], members: Sequence[str], size: int) -> None:
    """What needs and members of one household have to agree in. `size` is 1 where it was left out."""
    labels = [need.need for need in needs]
    if len(set(labels)) != len(labels):
        raise ValueError("each need has a label of its own within the referral")
    if len({PERSON, *members}) != len(members) + 1:
        raise ValueError("each member of the household has a label of its own, and 'person' is the person's")
    if not {member for need in needs for member in need.members} <= {PERSON, *members}:
        raise ValueError("needs name members by the labels in household, or 'person'")
    if 1 < size < 1 + len(members):
        raise ValueError("household_size counts the person and each member of household: leave it out, or raise it")


class Submitted(Input):
    """A new referral. Sent twice, with the same reference, it is one referral.

    `household` describes who belongs to the person, as far as needs name them or are to be met together.
    """

    TYPE: ClassVar[str] = "agency.submitted.v1"

    reference: Reference
    agency: TenantId | None = None
    referrer: ReferrerKind
    person: Person
    household_size: Annotated[int, Field(ge=1, le=30)] = 1
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
        """How many the household is, the person included; `household_size` may count some who are not described."""
        return max(self.household_size, 1 + len(self.household))


class Corrected(Submitted):
    """The referral as it should have been, whole. Needs that are no longer in it are withdrawn."""

    TYPE: ClassVar[str] = "agency.corrected.v1"


class ConsentChanged(Input):
    """The consent as it is from now on, whole. One older (`given_at`) than the consent in force is refused.

    Wider: providers that may be asked now are, and one that has the need is sent the fields it may see now. Narrower:
    offers to providers that may have the need no more are revoked, and what was released beyond the grants is recalled.
    No grants: all is revoked and recalled, and where the basis is ``consent`` the open needs end as withdrawn; on any
    other legal basis they stay open, though nobody may be asked until there is a grant.
    """

    TYPE: ClassVar[str] = "agency.consent-changed.v1"

    reference: Reference
    agency: TenantId | None = None
    consent: Consent


class ReferralWithdrawn(Input):
    """The referral, or the named needs of it, are not wanted any more."""

    TYPE: ClassVar[str] = "agency.withdrawn.v1"

    reference: Reference
    agency: TenantId | None = None
    needs: Annotated[list[Reference], Field(max_length=20)] = []
    reason: Literal["resolved", "person-request", "mistake", "moved-away", "other"] = "other"


class StatusRequested(Input):
    """Tell me again where this referral stands."""

    TYPE: ClassVar[str] = "agency.status-requested.v1"

    reference: Reference
    agency: TenantId | None = None
