"""Urgency has floors: what an agency forgot to call urgent is urgent all the same."""

from collections.abc import Collection

from contracts.words import Category, Flag, Urgency

_FLAGS = frozenset({Flag.UNACCOMPANIED_CHILD, Flag.TRAFFICKING_VICTIM, Flag.GBV_SURVIVOR, Flag.MEDICAL_EMERGENCY})
_CATEGORIES = frozenset({Category.TRAFFICKING, Category.GBV})


def triage(asked: Urgency, category: Category, flags: Collection[Flag]) -> Urgency:
    """The urgency asked for, or the floor where that is higher.

    Unaccompanied child, trafficking, gender-based violence and medical emergency are never below urgent (UNHCR
    inter-agency referral form: help starts within 72 hours).
    """
    if asked is Urgency.NORMAL and (category in _CATEGORIES or not _FLAGS.isdisjoint(flags)):
        return Urgency.URGENT
    return asked
