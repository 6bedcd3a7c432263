"""Complete messages for tests: pass what matters, and leave out the rest.

They are about one referral with one need, unless changed. Add new builders at the end.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from contracts import ids, intake, matching, notification, operations
from contracts.agency import Constraints, Preferences
from contracts.base import Message
from contracts.matching import FunnelStep, MatchReason
from contracts.profiles import HypotheticalNeed, MinimalProfile, Region
from contracts.provider import Service
from contracts.words import (
    AgeBand,
    Answer,
    Category,
    DecidedBy,
    DeclineCode,
    NotDeliveredCode,
    PersonalField,
    ReferrerKind,
    Rule,
    Sex,
    Urgency,
    Wait,
)

from .clock import START

M = TypeVar("M", bound=Message)
_APPOINTED = (Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED)

REFERRAL = "5f1c2b7e-0d3a-5e8c-9b41-7a6d2e90c3f4"
NEED = ids.need_id(REFERRAL, "bed")
OF_NEED: dict[str, Any] = {
    "referral_id": REFERRAL,
    "need_id": NEED,
    "need": "bed",
    "agency": "brest-migration",
    "reference": "R-1",
}
FUNNEL = [FunnelStep(rule=Rule.CATEGORY, left=3), FunnelStep(rule=Rule.PLACE, left=1)]


def minimum(**changes: Any) -> MinimalProfile:
    return MinimalProfile(**{"age_band": AgeBand.ADULT, "sex": Sex.FEMALE, "languages": ["ru"], **changes})


def accepted(**changes: Any) -> intake.NeedRegistered:
    return intake.NeedRegistered(
        **{
            **OF_NEED,
            "referrer": ReferrerKind.MIGRATION_AGENCY,
            "requested_at": START,
            "category": Category.SHELTER,
            "urgency": Urgency.URGENT,
            "person": minimum(),
            "region": Region(admin1="BY-BR"),
            "constraints": Constraints(),
            "preferences": Preferences(),
            "recipients": "any",
            **changes,
        }
    )


def withdrawn(**changes: Any) -> intake.NeedWithdrawn:
    return intake.NeedWithdrawn(**{**OF_NEED, "reason": "resolved", **changes})


def status_due(**changes: Any) -> intake.StatusDue:
    return intake.StatusDue(**{**OF_NEED, **changes})


def matched(attempt: int = 1, **changes: Any) -> matching.Matched:
    return matching.Matched(
        **{
            **OF_NEED,
            "attempt": attempt,
            "provider": f"provider-{attempt}",
            "service": "beds",
            "slot": 0,
            "match_id": f"match-{attempt}",
            "version": "1",
            "category": Category.SHELTER,
            "urgency": Urgency.URGENT,
            "person": minimum(),
            "region": Region(admin1="BY-BR"),
            "constraints": Constraints(),
            "requested_at": START,
            "reasons": [MatchReason(term="distance", value=1.0)],
            "funnel": FUNNEL,
            **changes,
        }
    )


def match_revoked(attempt: int = 1, **changes: Any) -> matching.MatchRevoked:
    of_match = {"attempt": attempt, "provider": f"provider-{attempt}", "service": "beds", "cause": "withdrawn"}
    return matching.MatchRevoked(**{**OF_NEED, **of_match, **changes})


def waiting(attempt: int = 0, **changes: Any) -> matching.Waiting:
    until = START + timedelta(days=14)
    of_wait = {"attempt": attempt, "since": START, "until": until, "funnel": FUNNEL}
    return matching.Waiting(**{**OF_NEED, **of_wait, **changes})


def unmet(attempt: int = 1, **changes: Any) -> matching.Unmet:
    return matching.Unmet(**{**OF_NEED, "attempt": attempt, "cause": "wait-over", "funnel": FUNNEL, **changes})


def answer_received(answer: Answer, attempt: int = 1, **changes: Any) -> notification.AnswerReceived:
    """From the provider of `matched`, with a code if one is needed."""
    codes = {Answer.DECLINED: DeclineCode.NO_CAPACITY, Answer.NOT_DELIVERED: NotDeliveredCode.NO_SHOW}
    return notification.AnswerReceived(
        **{
            "provider": f"provider-{attempt}",
            "referral_id": REFERRAL,
            "need_id": NEED,
            "need": "bed",
            "attempt": attempt,
            "answer": answer,
            "code": codes.get(answer),
            "appointment_at": START + timedelta(days=1) if answer in _APPOINTED else None,
            "answered_at": START,
            **changes,
        }
    )


def of_offer(kind: type[M], attempt: int = 1, at: datetime = START, **changes: Any) -> M:
    """Any of notification's facts."""
    extra: dict[str, dict[str, Any]] = {
        "Offered": {"acknowledge_by": at + timedelta(hours=4), "decide_by": at + timedelta(hours=24)},
        "Declined": {"code": DeclineCode.NO_CAPACITY, "by": DecidedBy.PROVIDER},
        "NotDelivered": {"code": NotDeliveredCode.NO_SHOW, "by": DecidedBy.PROVIDER},
        "Revoked": {"cause": "withdrawn"},
    }
    of = {"attempt": attempt, "provider": f"provider-{attempt}", "service": "beds", "at": at}
    return kind(**{**OF_NEED, **of, **extra.get(kind.__name__, {}), **changes})


def recall(kind: type[M], **changes: Any) -> M:
    """Any of intake's facts of a recall."""
    of_recall = {
        "attempt": 1,
        "provider": "provider-1",
        "service": "beds",
        "recall": 1,
        "fields": [PersonalField.NAME],
        "reason": "consent-changed",
        "acknowledge_by": START + timedelta(hours=72),
        "at": START,
    }
    return kind(**{**OF_NEED, **of_recall, **changes})


def elapsed(name: str, due_at: datetime, stream: str = NEED) -> operations.TimerElapsed:
    return operations.TimerElapsed(stream=stream, name=name, due_at=due_at)


def service(**changes: Any) -> Service:
    """A directory entry: open to everyone, everywhere, with two places."""
    return Service(**{"service": "beds", "name": "Beds", "categories": [Category.SHELTER], "capacity": 2, **changes})


def on_hold(attempt: int = 1, **changes: Any) -> matching.OnHold:
    of_hold = {"attempt": attempt, "provider": f"provider-{attempt}", "service": "beds", "cause": "missing-documents"}
    return matching.OnHold(**{**OF_NEED, **of_hold, "since": START, "until": START + timedelta(days=7), **changes})


def closed(attempt: int = 1, **changes: Any) -> matching.Closed:
    of_match = {"attempt": attempt, "provider": f"provider-{attempt}", "service": "beds", "cause": "no-longer-needed"}
    return matching.Closed(**{**OF_NEED, **of_match, **changes})


def hypothetical_need(label: str = "bed", **changes: Any) -> HypotheticalNeed:
    """A need in a recommendation request."""
    of_need = {"need_id": f"q-{label}", "need": label, "category": Category.SHELTER, "urgency": Urgency.URGENT}
    return HypotheticalNeed(**{**of_need, "person": minimum(), **changes})


def recommendation_asked(*needs: HypotheticalNeed, **changes: Any) -> intake.RecommendationAsked:
    """A request for one bed, unless needs are given."""
    return intake.RecommendationAsked(
        **{
            "request_id": "q1",
            "agency": OF_NEED["agency"],
            "reference": "Q-1",
            "asked_at": START,
            "region": Region(admin1="BY-BR"),
            "recipients": "any",
            "needs": list(needs) or [hypothetical_need()],
            **changes,
        }
    )


def recommended(**changes: Any) -> matching.ServicesRecommended:
    beds = matching.Suggested(
        provider="p1",
        service="beds",
        name="Beds",
        areas=["BY-BR"],
        wait=Wait.NONE,
        reasons=[MatchReason(term="distance", value=0.5)],
    )
    bed = matching.Suggestions(
        need="bed", category=Category.SHELTER, urgency=Urgency.URGENT, suggested=[beds], funnel=FUNNEL
    )
    of_question = {"request_id": "q1", "agency": OF_NEED["agency"], "reference": "Q-1"}
    return matching.ServicesRecommended(**{**of_question, "needs": [bed], **changes})
