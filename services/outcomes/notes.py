"""Every event that outcomes reads of a need, as one `Noted`: the only place that knows all their shapes."""

from datetime import datetime
from typing import Any, TypedDict

from contracts import intake, matching, notification
from contracts.outcomes import Noted
from contracts.words import ALREADY_SERVED, Lifecycle

OfNeed = (
    intake.Accepted
    | intake.Withdrawn
    | matching.Matched
    | matching.Waiting
    | matching.Unmet
    | matching.MatchRevoked
    | notification.Offered
    | notification.Reminded
    | notification.Acknowledged
    | notification.Accepted
    | notification.Declined
    | notification.Expired
    | notification.Revoked
    | notification.InProgress
    | notification.Delivered
    | notification.NotDelivered
)
"""What happens to a need."""

_OfOffer = (
    notification.Offered
    | notification.Reminded
    | notification.Acknowledged
    | notification.Accepted
    | notification.Declined
    | notification.Expired
    | notification.Revoked
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
        case intake.Accepted() if event.held_back:  # counted once: the person's other need is
            return Noted(**need, what="accepted", state=Lifecycle.ACCEPTED, at=at, revision=event.revision)
        case intake.Accepted():
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
        case intake.Withdrawn():
            return Noted(**need, what="withdrawn", state=Lifecycle.WITHDRAWN, at=at, code=event.reason)
        case matching.Matched():
            whom = {"provider": event.provider, "service": event.service}
            return Noted(**need, what="matched", state=Lifecycle.MATCHED, attempt=event.attempt, at=at, **whom)
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
        case matching.MatchRevoked():
            # No state: the attempt is revoked when notification has taken the offer back, or has ended already.
            whom = {"provider": event.provider, "service": event.service}
            return Noted(**need, what="match-revoked", attempt=event.attempt, at=at, code=event.cause, **whom)
        case _:
            return _of_offer(event, need)


def _of_offer(event: _OfOffer, need: _Need) -> Noted:
    what: Lifecycle | None = None
    more: dict[str, Any] = {}
    match event:
        case notification.Offered():
            what, more = Lifecycle.OFFERED, {"next_by": event.decide_by}
        case notification.Acknowledged():
            what, more = Lifecycle.ACKNOWLEDGED, {"next_by": event.decide_by}
        case notification.Accepted():
            what, more = Lifecycle.TAKEN_UP, {"provider_reference": event.provider_reference}
        case notification.Declined():
            what, more = Lifecycle.DECLINED, {"code": event.code.value, "by": event.by}
        case notification.Expired():
            what, more = Lifecycle.EXPIRED, {"code": "undeliverable" if event.undeliverable else None}
        case notification.Revoked():
            what, more = Lifecycle.REVOKED, {"code": event.cause}
        case notification.InProgress():
            what, more = Lifecycle.IN_PROGRESS, {"provider_reference": event.provider_reference}
        case notification.Delivered():
            what = Lifecycle.PARTLY_DELIVERED if event.partly else Lifecycle.DELIVERED
            more = {"provider_reference": event.provider_reference}
        case notification.NotDelivered():
            what = Lifecycle.NOT_DELIVERED
            more = {"provider_reference": event.provider_reference, "code": event.code.value, "by": event.by}
    return Noted(
        **need,
        what="reminded" if what is None else what.value,
        state=what,
        attempt=event.attempt,
        at=event.at,
        provider=event.provider,
        service=event.service,
        **more,
    )
