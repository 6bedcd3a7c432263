"""The facts of matching, made from a need, its match and the event that led to them."""

from datetime import date, datetime
from typing import Any

from contracts import matching, notification, topics
from contracts.intake import MinimalProfile, NeedRegistered, Problem
from contracts.matching import Broadcast, DecisionRationale, FunnelStep, Matched
from contracts.words import Rule
from services.chassis.decider import Emit

from ..capacity.places import row_id
from ..eligibility.assessment import status_told
from ..model.entry import service_id
from ..ranking.score import Ranked

ATTEMPTS_EXHAUSTED = "attempts-exhausted"
NO_PLACE = "no-place"


def matched(
    need: NeedRegistered,
    attempt: int,
    best: Ranked,
    slots: list[int],
    match: str,
    funnel: list[FunnelStep],
    broadcast: Broadcast | None = None,
    weighed: DecisionRationale | None = None,
    hard_to_place: bool = False,
    price_set: str | None = None,
    at: datetime | None = None,
) -> Matched:
    """The need has a place. `service` is the provider's own id of it; with `provider` it is unique.

    Whoever has no rule about residence status is not told it, which is the other half of the firewall.
    """
    told = status_told(need, best.entry.service.eligibility)
    person, *companions = need.people if told else map(_without_status, need.people)
    return Matched(
        **_names(need),
        attempt=attempt,
        provider=best.entry.provider,
        service=best.entry.service.service,
        slot=slots[0],
        slots=slots,
        match_id=match,
        version=best.entry.version,
        category=need.category,
        urgency=need.urgency,
        person=person,
        region=need.region,
        constraints=need.constraints,
        requested_at=need.requested_at,
        reasons=best.reasons,
        funnel=funnel,
        schedule=best.entry.service.schedule,
        broadcast=broadcast,
        companions=companions,
        needs_assessment=best.unknown,
        free=best.free,
        weighed=weighed,
        hard_to_place=hard_to_place,
        price_set=price_set,
        at=at,
    )


def waiting(
    need: NeedRegistered,
    attempt: int,
    since: datetime,
    until: datetime,
    funnel: list[FunnelStep],
    code: str | None = None,
    weighed: DecisionRationale | None = None,
) -> matching.Waiting:
    """Nobody can take the need now; or, with a `code`, nobody is to."""
    return matching.Waiting(
        **_names(need), attempt=attempt, since=since, until=until, funnel=funnel, code=code, weighed=weighed
    )


def patience_over(
    need: NeedRegistered, attempt: int, since: datetime, until: datetime, funnel: list[FunnelStep]
) -> matching.PatienceOver:
    """It still waits, and should not any more."""
    said = {"urgency": need.urgency, "cause": cause_of(funnel), "funnel": funnel, "since": since, "until": until}
    return matching.PatienceOver(**_names(need), attempt=attempt, **said)


def on_hold(
    need: NeedRegistered, attempt: int, asks: matching.AttemptEnded, since: datetime, until: datetime
) -> matching.OnHold:
    """The agency is to add what the service of this attempt has asked for."""
    provider, _, service = asks.service.partition("/")
    return matching.OnHold(
        **_names(need),
        attempt=attempt,
        provider=provider,
        service=service,
        cause=asks.code,
        missing=asks.missing,
        since=since,
        until=until,
    )


def closed(match: Matched, attempt: int, cause: str) -> matching.Closed:
    """The provider of this match says that nothing is to be done any more."""
    return matching.Closed(
        **_names(match), attempt=attempt, provider=match.provider, service=match.service, cause=cause
    )


def place_used(match: Matched, until: date) -> matching.PlaceUsed:
    """Its place does not come back before the quota is renewed."""
    rows = [row_id(service_id(match.provider, match.service), slot) for slot in match.slots or [match.slot]]
    names = {"referral_id": match.referral_id, "need_id": match.need_id, "match_id": match.match_id}
    return matching.PlaceUsed(**names, rows=rows, until=until)


def entry_doubted(provider: str, service: str, field: str, fix: str) -> Emit:
    """Tell a provider, through notification, what its own answers say of one of its entries."""
    doubted = notification.EntryDoubted(provider=provider, entry=service, problems=[Problem(field=field, fix=fix)])
    return Emit(doubted, topics.inbox("notification"), provider)


def unmet(
    need: NeedRegistered,
    attempt: int,
    cause: str,
    funnel: list[FunnelStep],
    weighed: DecisionRationale | None = None,
    hard_to_place: bool = False,
) -> matching.Unmet:
    """Nobody could. `cause` is `ATTEMPTS_EXHAUSTED`, what the agency was asked for in vain, or by the funnel."""
    return matching.Unmet(
        **_names(need), attempt=attempt, cause=cause, funnel=funnel, weighed=weighed, hard_to_place=hard_to_place
    )


def cause_of(funnel: list[FunnelStep]) -> str:
    """The rule that took the last services away; `NO_PLACE` where services there were, but all full."""
    return NO_PLACE if funnel[-1].rule is Rule.PLACE else funnel[-1].rule.value


def revoked(match: Matched, cause: str) -> matching.MatchRevoked:
    """The match is taken back: ``withdrawn``, ``corrected``, `TAKEN_BY_ANOTHER` or the code that closed the need."""
    return matching.MatchRevoked(
        **_names(match), attempt=match.attempt, provider=match.provider, service=match.service, cause=cause
    )


def attempt_ended(
    match: Matched, service: str, version: str, event: notification.Refusal, now: datetime
) -> matching.AttemptEnded:
    """The provider or the person said no, or nobody said anything. `service` is the id among all providers."""
    for_good, missing = False, []
    match event:
        case notification.Declined():
            code, for_good, missing = event.code.value, event.code.for_good, event.missing
        case notification.NotDelivered():
            code = event.code.value
        case notification.Expired():
            silent = event.code.value if event.code else "expired"
            code = "undeliverable" if event.undeliverable else silent
    return matching.AttemptEnded(
        referral_id=match.referral_id,
        need_id=match.need_id,
        attempt=match.attempt,
        service=service,
        code=code,
        for_good=for_good,
        version=version,
        at=now,
        round=match.broadcast.first if match.broadcast else None,
        missing=missing,
    )


def need_ended(need: NeedRegistered, attempt: int, end: str, hard_to_place: bool = False) -> matching.NeedEnded:
    """It is over elsewhere: `end` is the lifecycle's word for it."""
    return matching.NeedEnded(
        referral_id=need.referral_id, need_id=need.need_id, attempt=attempt, end=end, hard_to_place=hard_to_place
    )


def end_of(event: notification.Outcome) -> str:
    """The lifecycle's word for what came of it."""
    if isinstance(event, notification.NotDelivered):
        return "not-delivered"
    return "partly-delivered" if event.partly else "delivered"


def recalled(need: NeedRegistered) -> Emit:
    """Tell a waiting need, in its own stream, to look again."""
    event = matching.WaitingRecalled(referral_id=need.referral_id, need_id=need.need_id)
    return Emit(event, topics.inbox("matching"), need.referral_id)


def _without_status(person: MinimalProfile) -> MinimalProfile:
    return person if person.status is None else person.model_copy(update={"status": None})


def _names(of: NeedRegistered | Matched) -> dict[str, Any]:
    """What every fact that others follow says first."""
    return {name: getattr(of, name) for name in ("referral_id", "need_id", "need", "agency", "reference")}
