"""Turns every event about a need into one `Noted`. Only this module and `normalise_offer` know the events' shapes."""

from datetime import datetime
from typing import TypedDict

from contracts import intake, matching
from contracts.base import Message
from contracts.outcomes import Noted
from contracts.words import ALREADY_SERVED, Happening, Lifecycle

from .normalise_offer import OfferEvent, normalise_offer

RecallEvent = intake.Recalled | intake.RecallOverdue | intake.RecallConfirmed
"""Events about disclosed personal data. They leave the need in its state."""

_MatchEvent = matching.Matched | matching.OnHold | matching.Closed | matching.MatchRevoked

NeedEvent = (
    intake.NeedRegistered
    | intake.NeedWithdrawn
    | matching.Waiting
    | matching.Unmet
    | _MatchEvent
    | OfferEvent
    | RecallEvent
)
"""Every event about a need that outcomes reads."""

_RECALL_NAMES: dict[type[Message], Happening] = {
    intake.Recalled: Happening.RECALLED,
    intake.RecallOverdue: Happening.RECALL_OVERDUE,
    intake.RecallConfirmed: Happening.RECALL_ACKNOWLEDGED,
}


def normalise(event: NeedEvent, at: datetime) -> Noted:
    """The event as a `Noted`.

    `at` is when the event was published. Events about offers and recalls have a time of their own, which counts.
    """
    match event:
        case intake.NeedRegistered() | intake.NeedWithdrawn():
            return _from_intake(event, at)
        case matching.Waiting() | matching.Unmet():
            return _from_waiting_list(event, at)
        case matching.Matched() | matching.OnHold() | matching.Closed() | matching.MatchRevoked():
            return _from_match(event, at)
        case intake.Recalled() | intake.RecallOverdue() | intake.RecallConfirmed():
            return _from_recall(event)
        case _:
            return normalise_offer(event)


class _NeedFields(TypedDict):
    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str


class _AttemptFields(_NeedFields):
    attempt: int
    provider: str
    service: str


def _need_fields(event: NeedEvent) -> _NeedFields:
    return _NeedFields(
        referral_id=event.referral_id,
        need_id=event.need_id,
        need=event.need,
        agency=event.agency,
        reference=event.reference,
    )


def _attempt_fields(event: _MatchEvent | RecallEvent) -> _AttemptFields:
    return _AttemptFields(**_need_fields(event), attempt=event.attempt, provider=event.provider, service=event.service)


def _from_intake(event: intake.NeedRegistered | intake.NeedWithdrawn, at: datetime) -> Noted:
    need = _need_fields(event)
    match event:
        case intake.NeedWithdrawn():
            return Noted(**need, what="withdrawn", state=Lifecycle.WITHDRAWN, at=at, code=event.reason)
        case intake.NeedRegistered() if event.held_back:
            # Without a description: the person is counted once, by the other need.
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


def _from_waiting_list(event: matching.Waiting | matching.Unmet, at: datetime) -> Noted:
    need = _need_fields(event)
    match event:
        case matching.Waiting():
            # A need that waits for the person's other need neither has an end of its wait nor services to choose from.
            held_back = event.code == ALREADY_SERVED
            return Noted(
                **need,
                what="waiting",
                state=Lifecycle.WAITING,
                attempt=event.attempt,
                at=at,
                code=event.code,
                next_by=None if held_back else event.until,
                funnel=[] if held_back else event.funnel,
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


def _from_match(event: _MatchEvent, at: datetime) -> Noted:
    attempt = _attempt_fields(event)
    match event:
        case matching.Matched():
            return Noted(
                **attempt,
                what="matched",
                state=Lifecycle.MATCHED,
                at=at,
                broadcast=event.broadcast,
                needs_assessment=event.needs_assessment,
            )
        case matching.OnHold():
            return Noted(
                **attempt,
                what="on-hold",
                state=Lifecycle.ON_HOLD,
                at=at,
                code=event.cause,
                missing=event.missing,
                next_by=event.until,
            )
        case matching.Closed():
            return Noted(**attempt, what="closed", state=Lifecycle.WITHDRAWN, at=at, code=event.cause)
        case matching.MatchRevoked():
            # No state: the attempt is revoked once notification has revoked the offer, or has already ended.
            return Noted(**attempt, what="match-revoked", at=at, code=event.cause)


def _from_recall(event: RecallEvent) -> Noted:
    what = _RECALL_NAMES[type(event)]
    due = None if isinstance(event, intake.RecallConfirmed) else event.acknowledge_by
    return Noted(**_attempt_fields(event), what=what.value, at=event.at, code=event.reason, next_by=due)
