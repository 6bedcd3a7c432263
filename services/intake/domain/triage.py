"""Minimum urgency: some people and needs are urgent even if the agency did not say so."""

from collections.abc import Collection

from contracts.words import Category, Flag, Urgency

_URGENT_FLAGS = frozenset(
    {Flag.UNACCOMPANIED_CHILD, Flag.TRAFFICKING_VICTIM, Flag.GBV_SURVIVOR, Flag.MEDICAL_EMERGENCY}
)
_URGENT_CATEGORIES = frozenset({Category.TRAFFICKING, Category.GBV})


def triage(requested: Urgency, category: Category, flags: Collection[Flag]) -> Urgency:
    """The urgency requested, or the minimum if that is higher.

    An unaccompanied child, trafficking, gender-based violence and a medical emergency are never below urgent: help
    must start within 72 hours (UNHCR inter-agency referral form).
    """
    if requested is Urgency.NORMAL and (category in _URGENT_CATEGORIES or not _URGENT_FLAGS.isdisjoint(flags)):
        return Urgency.URGENT
    return requested
