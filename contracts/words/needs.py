"""What is needed, how soon, and why a need is not offered."""

from enum import StrEnum


class Category(StrEnum):
    """The kind of service that a need is for."""

    SHELTER = "shelter"
    HEALTH = "health"
    MENTAL_HEALTH = "mental-health"
    PROTECTION = "protection"
    CHILD_PROTECTION = "child-protection"
    GBV = "gbv"
    TRAFFICKING = "trafficking"
    LEGAL = "legal"
    DOCUMENTATION = "documentation"
    FOOD = "food"
    CASH = "cash"
    NON_FOOD_ITEMS = "non-food-items"
    WASH = "wash"
    EDUCATION = "education"
    LANGUAGE = "language"
    EMPLOYMENT = "employment"
    DISABILITY = "disability"
    TRACING = "tracing"
    RETURN = "return"

    @property
    def confidential(self) -> bool:
        """Whether no one may learn that a person is served: otherwise a name would be enough to find that person."""
        return self in _CONFIDENTIAL


_CONFIDENTIAL = frozenset(
    {
        Category.PROTECTION,
        Category.CHILD_PROTECTION,
        Category.GBV,
        Category.TRAFFICKING,
        Category.HEALTH,
        Category.MENTAL_HEALTH,
        Category.TRACING,
    }
)


class Urgency(StrEnum):
    """Three classes: help starts within 24 hours, 72 hours or 2 weeks. ``high/medium/low`` are read as well."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    NORMAL = "normal"

    @classmethod
    def _missing_(cls, value: object) -> "Urgency | None":
        return cls.aliases().get(str(value))

    @classmethod
    def aliases(cls) -> "dict[str, Urgency]":
        """What other systems call the three classes."""
        return {"high": cls.EMERGENCY, "medium": cls.URGENT, "low": cls.NORMAL}

    @property
    def rank(self) -> int:
        """2 for emergency, 1 for urgent, 0 for normal."""
        return {"emergency": 2, "urgent": 1, "normal": 0}[self.value]


class HeldBack(StrEnum):
    """A need is registered but not offered, since the person is already served for it under another referral.

    ``told``: its agency learns that and nothing more. ``untold``: its agency sees a need that waits.
    """

    AGENCY_KNOWS = "told"
    AGENCY_UNAWARE = "untold"


ALREADY_SERVED = "already-served"
"""The code of a need that waits or ends because the person is already served, if its agency may know that."""


TAKEN_BY_ANOTHER = "taken-by-another"
"""Why an offer or a match ends: several services were asked, and another has accepted the need or has helped."""
