"""What is known of a person, and which personal fields can be released."""

from datetime import date
from enum import StrEnum


class Sex(StrEnum):
    """Sex, as the person states it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class AgeBand(StrEnum):
    """Age bands for disaggregation (GCM objective 1). Matching sees the band, never the birth date."""

    TODDLER = "0-4"
    CHILD = "5-11"
    ADOLESCENT = "12-17"
    ADULT = "18-59"
    OLDER = "60+"

    @property
    def years(self) -> tuple[int, int]:
        """Youngest and oldest age of the band, both included."""
        return {"0-4": (0, 4), "5-11": (5, 11), "12-17": (12, 17), "18-59": (18, 59), "60+": (60, 150)}[self.value]

    @property
    def is_minor(self) -> bool:
        """Whether everyone in the band is under 18."""
        return self.years[1] < 18

    @classmethod
    def for_age(cls, age: int) -> "AgeBand":
        """The band of an age in whole years."""
        return next(band for band in cls if age <= band.years[1])

    @classmethod
    def for_birth_date(cls, birth_date: date, day: date) -> "AgeBand":
        """The band, on a day, of a person with this birth date."""
        return cls.for_age(age_on(day, birth_date))


def age_on(day: date, birth_date: date) -> int:
    """The age on a day in whole years, of a person with this birth date; 0 before birth."""
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return max(0, day.year - birth_date.year - (not had_birthday))


class Status(StrEnum):
    """Residence status, coarse and optional. It is never needed for emergency help, health or protection."""

    CITIZEN = "citizen"
    RESIDENT = "resident"
    ASYLUM_SEEKER = "asylum-seeker"
    PROTECTED = "protected"
    IRREGULAR = "irregular"


class Flag(StrEnum):
    """Vulnerabilities, after IOM's Determinants of Migrant Vulnerability."""

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
    """Who makes the referral."""

    GOVERNMENT = "government"
    MIGRATION_AGENCY = "migration-agency"
    ORGANISATION = "organisation"
    PEER = "peer"
    SELF = "self"


class LegalBasis(StrEnum):
    """Why personal data may be passed on. Without a real choice, consent is not a valid basis (ICRC Handbook)."""

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
    """Fields that can be released to a provider that has accepted; consent lists exactly which."""

    NAME = "name"
    CASE_CODE = "case_code"
    BIRTH_DATE = "birth_date"
    NATIONALITY = "nationality"
    STATUS = "status"
    CAREGIVER = "caregiver"
    CONTACT = "contact"
    PLACE = "place"
    NOTE = "note"
