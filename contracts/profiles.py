"""The parts that several services' messages share: minimal profiles of people, needs, sealed data, and problems."""

from typing import Annotated

from pydantic import Field

from .agency import Admin1, Constraints, Language, Preferences
from .base import Value
from .words import AgeBand, Category, Flag, Sex, Status, Urgency


class MinimalProfile(Value):
    """Everything that matching, and a provider that has not accepted, learn of a person. Coarse, without free text."""

    age_band: AgeBand
    sex: Sex
    languages: list[Language]
    status: Status | None = None
    flags: list[Flag] = []
    household_size: int = 1


class HouseholdMember(Value):
    """The minimal profile of a household member other than the person, under the agency's label."""

    member: str
    person: MinimalProfile


class Region(Value):
    """A coarse place: an ISO 3166-2 subdivision, and if known an H3 cell of resolution 5 (some 250 km²)."""

    admin1: Admin1
    cell: str | None = None


class RequestedNeed(Value):
    """A need without its note. `need_id` is derived from the referral's id and the agency's label `need`.

    `members` are the people it is for; without any, the household if it is `together`, else the person.
    """

    need_id: str
    need: str
    category: Category
    urgency: Urgency
    constraints: Constraints = Constraints()
    preferences: Preferences = Preferences()
    members: list[str] = []
    together: bool = False


class HypotheticalNeed(Value):
    """A need in a recommendation request, with the people it is for (see `NeedRegistered`)."""

    need_id: str
    need: str
    category: Category
    urgency: Urgency
    constraints: Constraints = Constraints()
    preferences: Preferences = Preferences()
    person: MinimalProfile
    companions: list[MinimalProfile] = []
    places: Annotated[int, Field(ge=1)] = 1


class Sealed(Value):
    """AES-256-GCM under the referral's own data key: base64 of nonce and ciphertext, bound to referral and purpose.

    The same person is never sealed twice to the same `box`. `digest`, under the same key, shows that it is the same.
    """

    key_id: str
    box: str
    digest: str = ""


class IdentityFingerprint(Value):
    """A keyed hash by which a person can be recognised. It is on intake's inbox and in its database, nowhere else.

    `person` is the same whichever agency sends it. It is missing if too little is known of the person, or consent does
    not allow it.
    """

    person: str | None = None


class Problem(Value):
    """One thing to fix: the path of the field, and what to do. It never contains the value."""

    field: str
    fix: str
