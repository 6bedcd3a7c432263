"""What intake answers to an agency, by way of outcomes. Changes nothing."""

from collections.abc import Sequence

from contracts import agency, topics
from contracts.intake import (
    ConsentReceived,
    Problem,
    ReferralReceived,
    ReferralRefused,
    StatusAsked,
    StatusDue,
    WithdrawalReceived,
)
from services.chassis.decider import Effect, Reply

from . import facts
from .state import Referral

FromAgency = ReferralReceived | ConsentReceived | WithdrawalReceived | StatusAsked


def say_again(state: Referral) -> Sequence[Effect]:
    """Where each need stands, which outcomes knows."""
    return [Reply(StatusDue(**facts.names(need)), topics.inbox("outcomes")) for need in state.accepted.values()]


def unknown(data: FromAgency) -> Reply:
    """There is no such referral."""
    return refused(data, Problem(field="reference", fix="is not known; send agency.submitted.v1 first"))


def refused(data: FromAgency, *problems: Problem) -> Reply:
    """In the words of what the agency sent, not of what its gate made of it."""
    match data:
        case ReferralReceived():
            sent = agency.Corrected.TYPE if data.corrects else agency.Submitted.TYPE
        case ConsentReceived():
            sent = agency.ConsentChanged.TYPE
        case WithdrawalReceived():
            sent = agency.ReferralWithdrawn.TYPE
        case StatusAsked():
            sent = agency.StatusRequested.TYPE
    return Reply(
        ReferralRefused(
            referral_id=data.referral_id,
            agency=data.agency,
            reference=data.reference,
            sent=sent,
            problems=list(problems),
        ),
        topics.inbox("outcomes"),
    )
