"""Turns every event about an offer into one `Noted`."""

from datetime import datetime
from typing import TypedDict

from contracts import notification
from contracts.matching import Broadcast
from contracts.outcomes import Noted
from contracts.steps import DeclineStep, next_step
from contracts.words import Lifecycle

OfferEvent = notification.Offered | notification.OfferChange


class _OfferFields(TypedDict):
    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int
    provider: str
    service: str
    at: datetime
    broadcast: Broadcast | None
    provider_reference: str | None


def normalise_offer(event: OfferEvent) -> Noted:
    """The event as a `Noted`. An event that leaves the need in its state brings none."""
    offer = _OfferFields(
        referral_id=event.referral_id,
        need_id=event.need_id,
        need=event.need,
        agency=event.agency,
        reference=event.reference,
        attempt=event.attempt,
        provider=event.provider,
        service=event.service,
        at=event.at,
        broadcast=event.broadcast,
        provider_reference=event.provider_reference,
    )
    match event:
        case notification.Offered():
            due, decide_by = event.acknowledge_by, event.decide_by
            return Noted(**offer, what="offered", state=Lifecycle.OFFERED, next_by=due, decide_by=decide_by)
        case notification.Reminded():
            return Noted(**offer, what="reminded")
        case notification.Overdue() | notification.Escalated():
            escalated = isinstance(event, notification.Escalated)
            return Noted(
                **offer,
                what="escalated" if escalated else "overdue",
                state=event.state,
                next_by=event.expires_at,
                overdue=event.clock,
                escalated=escalated,
                turn=event.turn,
            )
        case notification.CheckedIn():
            next_by = _latest_due(event.clocks)
            return Noted(**offer, what="checked-in", state=event.state, turn=event.turn, next_by=next_by)
        case notification.Acknowledged():
            return Noted(
                **offer,
                what="acknowledged",
                state=Lifecycle.ACKNOWLEDGED,
                next_by=event.decide_by,
                decide_by=event.decide_by,
            )
        case notification.OfferAccepted():
            accepted, next_by = Lifecycle.ACCEPTED_BY_PROVIDER, _latest_due(event.clocks)
            return Noted(**offer, what=accepted.value, state=accepted, next_by=next_by)
        case notification.Declined():
            return Noted(
                **offer,
                what="declined",
                state=_unless_others_open(event, Lifecycle.DECLINED),
                code=event.code.value,
                by=event.by,
                missing=event.missing,
            )
        case notification.Expired():
            code = "undeliverable" if event.undeliverable else event.code.value if event.code else None
            return Noted(**offer, what="expired", state=_unless_others_open(event, Lifecycle.EXPIRED), code=code)
        case notification.Revoked():
            return Noted(**offer, what="revoked", state=_unless_others_open(event, Lifecycle.REVOKED), code=event.cause)
        case notification.Appointed():
            return Noted(
                **offer,
                what="appointment-moved" if event.moved else "appointed",
                state=Lifecycle.APPOINTED,
                next_by=event.appointment_at,
                appointment_at=event.appointment_at,
                turn=event.turn,
            )
        case notification.NoShow():
            return Noted(
                **offer,
                what="no-show",
                state=Lifecycle.NO_SHOW,
                next_by=_latest_due(event.clocks),
                appointment_at=event.appointment_at,
                turn=event.turn,
                by=event.by,
            )
        case notification.InProgress():
            return Noted(
                **offer,
                what="in-progress",
                state=Lifecycle.IN_PROGRESS,
                next_by=_latest_due(event.clocks),
                appointment_at=event.appointment_at,
            )
        case notification.Delivered():
            state = Lifecycle.PARTLY_DELIVERED if event.partly else Lifecycle.DELIVERED
            return Noted(**offer, what=state.value, state=state)
        case notification.NotDelivered():
            # Unless the code closes the need, only the attempt has failed, and the need goes on like after a decline.
            closes = next_step(event.code) is DeclineStep.CLOSE
            state = Lifecycle.NOT_DELIVERED if closes else Lifecycle.DECLINED
            return Noted(**offer, what="not-delivered", state=state, code=event.code.value, by=event.by)


def _unless_others_open(
    event: notification.Declined | notification.Expired | notification.Revoked, end: Lifecycle
) -> Lifecycle | None:
    """The end of an offer; none if others of its broadcast are open, since the need is then still offered."""
    return None if event.others_open else end


def _latest_due(clocks: list[notification.Running]) -> datetime | None:
    """When the next step is due; None if no clock was started."""
    return max((run.due_at for run in clocks), default=None)
