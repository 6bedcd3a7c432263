"""Answers to an agency, which outcomes delivers. They change nothing."""

from collections.abc import Sequence

from contracts import agency, topics
from contracts.intake import (
    ConsentReceived,
    ReferralReceived,
    ReferralRefused,
    StatusAsked,
    StatusDue,
    WithdrawalReceived,
)
from contracts.profiles import Problem
from services.chassis.decider import Effect, Reply

from .facts import need_identity
from .state import Referral

AgencyMessage = ReferralReceived | ConsentReceived | WithdrawalReceived | StatusAsked


def repeat_status(referral: Referral) -> Sequence[Effect]:
    """Ask outcomes to send the status of each need again."""
    return [
        Reply(StatusDue(**need_identity(need)), topics.inbox("outcomes")) for need in referral.needs.registered.values()
    ]


def unknown_referral(message: AgencyMessage) -> Reply:
    """There is no referral with this reference."""
    return refused(message, Problem(field="reference", fix="is not known; send agency.submitted.v1 first"))


def refused(message: AgencyMessage, *problems: Problem) -> Reply:
    """A refusal that names the type of message the agency sent, not the one its gate made of it."""
    refusal = ReferralRefused(
        referral_id=message.referral_id,
        agency=message.agency,
        reference=message.reference,
        sent=_sent_type(message),
        problems=list(problems),
    )
    return Reply(refusal, topics.inbox("outcomes"))


def _sent_type(message: AgencyMessage) -> str:
    match message:
        case ReferralReceived(corrects=True):
            return agency.Corrected.TYPE
        case ReferralReceived():
            return agency.Submitted.TYPE
        case ConsentReceived():
            return agency.ConsentChanged.TYPE
        case WithdrawalReceived():
            return agency.ReferralWithdrawn.TYPE
        case StatusAsked():
            return agency.StatusRequested.TYPE
