"""What is needed, and how soon."""

from enum import StrEnum


class Category(StrEnum):
    """What kind of service a need asks for."""

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
        """True where it may be told to nobody that a person is known: else a name would be a way to find somebody."""
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
    """Three classes: start of help within 24 hours, 72 hours, 2 weeks. ``high/medium/low`` are read as aliases."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    NORMAL = "normal"

    @classmethod
    def _missing_(cls, value: object) -> "Urgency | None":
        return {"high": cls.EMERGENCY, "medium": cls.URGENT, "low": cls.NORMAL}.get(str(value).lower())

    @property
    def rank(self) -> int:
        """2 for emergency, 1 for urgent, 0 for normal."""
        return {"emergency": 2, "urgent": 1, "normal": 0}[self.value]


class HeldBack(StrEnum):
    """A need is accepted, but kept from services: the person is being served for it already, on strong identity.

    ``told``: its agency learns that, and nothing more. ``untold``: its agency sees a need that waits.
    """

    TOLD = "told"
    UNTOLD = "untold"


ALREADY_SERVED = "already-served"
"""The code of a wait, and of an end, of a need that is held back and whose agency is told so."""


TAKEN_BY_ANOTHER = "taken-by-another"
"""Why an offer is closed, or a match taken back: of several services asked, another has the need, or has helped."""
