"""The values of coded fields, with the standards that they come from.

Categories are the sectors of the UNHCR inter-agency referral form; urgency is its three response classes.
"""

from .answers import Answer, AnswerFault, DeadlineKind, DecidedBy, DeclineCode, ExpiryCode, NotDeliveredCode
from .choices import Behind, Change, Rule, Wait
from .lifecycle import Happening, Lifecycle, NextStep
from .needs import ALREADY_SERVED, TAKEN_BY_ANOTHER, Category, HeldBack, Urgency
from .people import AgeBand, ConsentGiver, Flag, LegalBasis, PersonalField, ReferrerKind, Sex, Status
from .services import CapacityUnit, Document, EntryExpiry, Fluency, IntakeMethod, Unknown

__all__ = [
    "ALREADY_SERVED",
    "TAKEN_BY_ANOTHER",
    "AgeBand",
    "Answer",
    "AnswerFault",
    "Behind",
    "CapacityUnit",
    "Category",
    "Change",
    "ConsentGiver",
    "DeadlineKind",
    "DecidedBy",
    "DeclineCode",
    "Document",
    "EntryExpiry",
    "ExpiryCode",
    "Flag",
    "Fluency",
    "Happening",
    "HeldBack",
    "IntakeMethod",
    "LegalBasis",
    "Lifecycle",
    "NextStep",
    "NotDeliveredCode",
    "PersonalField",
    "ReferrerKind",
    "Rule",
    "Sex",
    "Status",
    "Unknown",
    "Urgency",
    "Wait",
]
