"""Every event that outcomes reads of a need, as one `Noted`: the only place that knows all their shapes."""

from datetime import datetime
from typing import Any, Literal, TypedDict

from contracts import intake, matching, notification
from contracts.base import Message
from contracts.outcomes import Noted
from contracts.steps import DeclineStep, next_step
from contracts.words import ALREADY_SERVED, Lifecycle

OfNeed = (
    intake.NeedRegistered
    | intake.NeedWithdrawn
    | matching.Matched
    | matching.Waiting
    | matching.Unmet
    | matching.OnHold
    | matching.Closed
    | matching.MatchRevoked
    | notification.Offered
    | notification.Reminded
    | notification.Overdue
    | notification.Escalated
    | notification.CheckedIn
    | notification.Acknowledged
    | notification.OfferAccepted
    | notification.Declined
    | notification.Expired
    | notification.Revoked
    | notification.Appointed
    | notification.NoShow
    | notification.InProgress
    | notification.Delivered
    | notification.NotDelivered
    | intake.Recalled
    | intake.RecallOverdue
    | intake.RecallConfirmed
)
"""What happens to a need."""

OfRecall = intake.Recalled | intake.RecallOverdue | intake.RecallConfirmed
"""What happens to what was released: it brings the need to no other state."""

RECALL_STATES: dict[type[Message], Literal["recalled", "overdue", "acknowledged"]] = {
    intake.Recalled: "recalled",
    intake.RecallOverdue: "overdue",
    intake.RecallConfirmed: "acknowledged",
}
"""In the agency's words."""

_OfOffer = (
    notification.Offered
    | notification.Reminded
    | notification.Overdue
    | notification.Escalated
    | notification.CheckedIn
    | notification.Acknowledged
    | notification.OfferAccepted
    | notification.Declined
    | notification.Expired
    | notification.Revoked
    | notification.Appointed
    | notification.NoShow
    | notification.InProgress
    | notification.Delivered
    | notification.NotDelivered
)


class _Need(TypedDict):
    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str


def note(event: OfNeed, at: datetime) -> Noted:
    """The event as noted. `at` is when it was said; notification says itself when an answer was given."""
    need = _Need(
        referral_id=event.referral_id,
        need_id=event.need_id,
        need=event.need,
        agency=event.agency,
        reference=event.reference,
    )
    match event:
        case intake.NeedRegistered() if event.held_back:  # counted once: the person's other need is
            return Noted(**need, what="accepted", state=Lifecycle.ACCEPTED, at=at, revision=event.revision)
        case intake.NeedRegistered():
            return Noted(
                **need,
                what="accepted" if event.revision == 0 else "corrected",
                state=Lifecycle.ACCEPTED,
                at=at,
                revision=event.revision,
                category=event.category,
                urgency=event.urgency,
                area=event.region.admin1,
                requested_at=event.requested_at,
            )
        case intake.NeedWithdrawn():
            return Noted(**need, what="withdrawn", state=Lifecycle.WITHDRAWN, at=at, code=event.reason)
        case matching.Matched():
            whom = {"provider": event.provider, "service": event.service}
            return Noted(
                **need,
                what="matched",
                state=Lifecycle.MATCHED,
                attempt=event.attempt,
                at=at,
                broadcast=event.broadcast,
                needs_assessment=event.needs_assessment,
                **whom,
            )
        case matching.Waiting():
            return Noted(
                **need,
                what="waiting",
                state=Lifecycle.WAITING,
                attempt=event.attempt,
                at=at,
                code=event.code,
                next_by=None if event.code == ALREADY_SERVED else event.until,
                funnel=[] if event.code == ALREADY_SERVED else event.funnel,
            )
        case matching.Unmet():
            return Noted(
                **need,
                what="unmet",
                state=Lifecycle.UNMET,
                attempt=event.attempt,
                at=at,
                code=event.cause,
                funnel=event.funnel,
            )
        case matching.OnHold():
            return Noted(
                **need,
                what="on-hold",
                state=Lifecycle.ON_HOLD,
                attempt=event.attempt,
                at=at,
                provider=event.provider,
                service=event.service,
                code=event.cause,
                missing=event.missing,
                next_by=event.until,
            )
        case matching.Closed():
            whom = {"provider": event.provider, "service": event.service}
            ended = {"state": Lifecycle.WITHDRAWN, "attempt": event.attempt, "at": at, "code": event.cause}
            return Noted(**need, what="closed", **ended, **whom)
        case matching.MatchRevoked():
            # No state: the attempt is revoked when notification has taken the offer back, or has ended already.
            whom = {"provider": event.provider, "service": event.service}
            return Noted(**need, what="match-revoked", attempt=event.attempt, at=at, code=event.cause, **whom)
        case intake.Recalled() | intake.RecallOverdue() | intake.RecallConfirmed():
            whom = {"provider": event.provider, "service": event.service}
            what = event.TYPE.split(".")[1]
            due = None if isinstance(event, intake.RecallConfirmed) else event.acknowledge_by
            return Noted(**need, what=what, attempt=event.attempt, at=event.at, code=event.reason, next_by=due, **whom)
        case _:
            return _of_offer(event, need)


def _of_offer(event: _OfOffer, need: _Need) -> Noted:
    what: Lifecycle | None = None
    more: dict[str, Any] = {}
    name: str | None = None
    going_on = False
    match event:
        case notification.Reminded():
            name = "reminded"
        case notification.Overdue() | notification.Escalated():
            escalated = isinstance(event, notification.Escalated)
            what, name = event.state, "escalated" if escalated else "overdue"
            more = {"overdue": event.clock, "escalated": escalated, "turn": event.turn, "next_by": event.expires_at}
        case notification.CheckedIn():
            what, name, more = event.state, "checked-in", {"turn": event.turn, "next_by": _due(event.clocks)}
        case notification.Offered():
            what, more = Lifecycle.OFFERED, {"next_by": event.acknowledge_by, "decide_by": event.decide_by}
        case notification.Acknowledged():
            what, more = Lifecycle.ACKNOWLEDGED, {"next_by": event.decide_by, "decide_by": event.decide_by}
        case notification.OfferAccepted():
            what, more = Lifecycle.ACCEPTED_BY_PROVIDER, {"next_by": _due(event.clocks)}
        case notification.Declined():
            what, more = Lifecycle.DECLINED, {"code": event.code.value, "by": event.by, "missing": event.missing}
            going_on = event.others_open
        case notification.Expired():
            code = "undeliverable" if event.undeliverable else event.code and event.code.value
            what, more, going_on = Lifecycle.EXPIRED, {"code": code}, event.others_open
        case notification.Revoked():
            what, more, going_on = Lifecycle.REVOKED, {"code": event.cause}, event.others_open
        case notification.InProgress():
            what, more = Lifecycle.IN_PROGRESS, {"next_by": _due(event.clocks), "appointment_at": event.appointment_at}
        case notification.Appointed():
            what, name = Lifecycle.APPOINTED, "appointment-moved" if event.moved else None
            more = {"next_by": event.appointment_at, "appointment_at": event.appointment_at, "turn": event.turn}
        case notification.NoShow():
            what, more = Lifecycle.NO_SHOW, {"next_by": _due(event.clocks), "appointment_at": event.appointment_at}
            more |= {"turn": event.turn, "by": event.by}
        case notification.Delivered():
            what = Lifecycle.PARTLY_DELIVERED if event.partly else Lifecycle.DELIVERED
        case notification.NotDelivered():
            ends = next_step(event.code) is DeclineStep.CLOSE  # else only the attempt has failed, and the need goes on
            what, name = Lifecycle.NOT_DELIVERED if ends else Lifecycle.DECLINED, "not-delivered"
            more = {"code": event.code.value, "by": event.by}
    return Noted(
        **need,
        what=name or (what.value if what else ""),
        state=None if going_on else what,
        attempt=event.attempt,
        at=event.at,
        broadcast=event.broadcast,
        provider=event.provider,
        service=event.service,
        provider_reference=event.provider_reference,
        **more,
    )


def _due(clocks: list[notification.Running]) -> datetime | None:
    """When the next step is due; None where no clock was set."""
    return max((run.due_at for run in clocks), default=None)
