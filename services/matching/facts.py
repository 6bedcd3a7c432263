"""The facts of matching, made from a need, its match and the event that led to them."""

from datetime import datetime
from typing import Any

from contracts import matching, notification, topics
from contracts.intake import Accepted
from contracts.matching import Eliminated, Matched
from contracts.words import Rule
from services.chassis.decider import Emit

from .ranking import Ranked

ATTEMPTS_EXHAUSTED = "attempts-exhausted"
NO_PLACE = "no-place"

Refusal = notification.Declined | notification.Expired
Outcome = notification.Delivered | notification.NotDelivered


def matched(need: Accepted, attempt: int, best: Ranked, slot: int, match: str, funnel: list[Eliminated]) -> Matched:
    """The need has a place. `service` is the provider's own id of it; with `provider` it is unique."""
    return Matched(
        **_names(need),
        attempt=attempt,
        provider=best.entry.provider,
        service=best.entry.service.service,
        slot=slot,
        match_id=match,
        version=best.entry.version,
        category=need.category,
        urgency=need.urgency,
        person=need.person,
        region=need.region,
        constraints=need.constraints,
        requested_at=need.requested_at,
        reasons=best.reasons,
        funnel=funnel,
    )


def waiting(
    need: Accepted, attempt: int, since: datetime, until: datetime, funnel: list[Eliminated], code: str | None = None
) -> matching.Waiting:
    """Nobody can take the need now; or, with a `code`, nobody is to."""
    return matching.Waiting(**_names(need), attempt=attempt, since=since, until=until, funnel=funnel, code=code)


def unmet(need: Accepted, attempt: int, cause: str, funnel: list[Eliminated]) -> matching.Unmet:
    """Nobody could. `cause` is `ATTEMPTS_EXHAUSTED` or what `cause_of` says of the funnel."""
    return matching.Unmet(**_names(need), attempt=attempt, cause=cause, funnel=funnel)


def cause_of(funnel: list[Eliminated]) -> str:
    """The rule that took the last services away; `NO_PLACE` where services there were, but all full."""
    return NO_PLACE if funnel[-1].rule is Rule.PLACE else funnel[-1].rule.value


def revoked(match: Matched, cause: str) -> matching.MatchRevoked:
    """The match is taken back: ``withdrawn`` or ``corrected``."""
    return matching.MatchRevoked(
        **_names(match), attempt=match.attempt, provider=match.provider, service=match.service, cause=cause
    )


def attempt_ended(match: Matched, service: str, version: str, event: Refusal, now: datetime) -> matching.AttemptEnded:
    """The provider or the person said no, or nobody said anything. `service` is the id among all providers."""
    if isinstance(event, notification.Declined):
        code, for_good = event.code.value, event.code.for_good
    else:
        code, for_good = "undeliverable" if event.undeliverable else "expired", False
    return matching.AttemptEnded(
        referral_id=match.referral_id,
        need_id=match.need_id,
        attempt=match.attempt,
        service=service,
        code=code,
        for_good=for_good,
        version=version,
        at=now,
    )


def need_ended(need: Accepted, attempt: int, end: str) -> matching.NeedEnded:
    """It is over elsewhere: `end` is the lifecycle's word for it."""
    return matching.NeedEnded(referral_id=need.referral_id, need_id=need.need_id, attempt=attempt, end=end)


def end_of(event: Outcome) -> str:
    """The lifecycle's word for what came of it."""
    if isinstance(event, notification.NotDelivered):
        return "not-delivered"
    return "partly-delivered" if event.partly else "delivered"


def recalled(need: Accepted) -> Emit:
    """Tell a waiting need, in its own stream, to look again."""
    event = matching.WaitingRecalled(referral_id=need.referral_id, need_id=need.need_id)
    return Emit(event, topics.inbox("matching"), need.referral_id)


def _names(of: Accepted | Matched) -> dict[str, Any]:
    """What every fact that others follow says first."""
    return {name: getattr(of, name) for name in ("referral_id", "need_id", "need", "agency", "reference")}
