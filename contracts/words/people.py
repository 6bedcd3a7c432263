"""Who a person is, as far as it counts, and what may be passed on of them."""

from datetime import date
from enum import StrEnum


class Sex(StrEnum):
    """As the person states it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class AgeBand(StrEnum):
    """Bands of GCM objective 1 for disaggregation; matching sees the band, never the birth date."""

    TODDLER = "0-4"
    CHILD = "5-11"
    ADOLESCENT = "12-17"
    ADULT = "18-59"
    OLDER = "60+"

    @property
    def years(self) -> tuple[int, int]:
        """Youngest and oldest age of the band, both included."""
        return {"0-4": (0, 4), "5-11": (5, 11), "12-17": (12, 17), "18-59": (18, 59), "60+": (60, 150)}[self.value]

    @classmethod
    def of(cls, age: int) -> "AgeBand":
        """The band of an age in whole years."""
        return next(band for band in cls if age <= band.years[1])

    @classmethod
    def born(cls, born: date, day: date) -> "AgeBand":
        """The band, on a day, of who was born on another."""
        return cls.of(max(0, day.year - born.year - ((day.month, day.day) < (born.month, born.day))))


class Status(StrEnum):
    """Residence status, coarse and optional; never needed for emergency, health or protection."""

    CITIZEN = "citizen"
    RESIDENT = "resident"
    ASYLUM_SEEKER = "asylum-seeker"
    PROTECTED = "protected"
    IRREGULAR = "irregular"


class Flag(StrEnum):
    """Vulnerability, after IOM's Determinants of Migrant Vulnerability."""

    UNACCOMPANIED_CHILD = "unaccompanied-child"
    SEPARATED_CHILD = "separated-child"
    PREGNANT = "pregnant"
    GBV_SURVIVOR = "gbv-survivor"
    TRAFFICKING_VICTIM = "trafficking-victim"
    MEDICAL_EMERGENCY = "medical-emergency"
    CHRONIC_ILLNESS = "chronic-illness"
    DISABILITY = "disability"
    OLDER_ALONE = "older-alone"
    SINGLE_PARENT = "single-parent"
    LGBTI = "lgbti"
    VIOLENCE_SURVIVOR = "violence-survivor"


class ReferrerKind(StrEnum):
    """Who refers."""

    GOVERNMENT = "government"
    MIGRATION_AGENCY = "migration-agency"
    ORGANISATION = "organisation"
    PEER = "peer"
    SELF = "self"


class LegalBasis(StrEnum):
    """Why personal data may be passed on (ICRC Handbook: where there is no real choice, consent is not the basis)."""

    CONSENT = "consent"
    VITAL_INTEREST = "vital-interest"
    BEST_INTEREST_OF_CHILD = "best-interest-of-child"
    LEGAL_OBLIGATION = "legal-obligation"
    PUBLIC_INTEREST = "public-interest"


class ConsentGiver(StrEnum):
    """Who gave the consent."""

    PERSON = "person"
    CAREGIVER = "caregiver"
    LEGAL_GUARDIAN = "legal-guardian"
    NOBODY = "nobody"


class PersonalField(StrEnum):
    """What can be released to a provider that accepted; consent lists exactly which."""

    NAME = "name"
    CASE_CODE = "case_code"
    BIRTH_DATE = "birth_date"
    NATIONALITY = "nationality"
    STATUS = "status"
    CAREGIVER = "caregiver"
    CONTACT = "contact"
    PLACE = "place"
    NOTE = "note"
