"""Builds matching's facts from a need, its match and the event that led to them."""

from datetime import date, datetime
from typing import Any

from contracts import matching, notification, topics
from contracts.intake import NeedRegistered
from contracts.matching import Broadcast, DecisionRationale, FunnelStep, Matched
from contracts.profiles import MinimalProfile, Problem
from contracts.words import Rule
from services.chassis.decider import Emit

from ..capacity.places import row_id
from ..eligibility.assessment import provider_needs_status
from ..model.entry import service_id
from ..ranking.candidate import Candidate
from .state import NeedRecord

ATTEMPTS_EXHAUSTED = "attempts-exhausted"
NO_PLACE = "no-place"


def matched(
    need: NeedRegistered,
    attempt: int,
    chosen: Candidate,
    slots: list[int],
    match: str,
    funnel: list[FunnelStep],
    broadcast: Broadcast | None = None,
    weighed: DecisionRationale | None = None,
    hard_to_place: bool = False,
    price_set: str | None = None,
    at: datetime | None = None,
) -> Matched:
    """The need has a place. `service` is the provider's own id for it; together with `provider` it is unique.

    A provider without a rule about residence status does not learn it, which is the other half of the firewall.
    """
    service = chosen.entry.service
    shows_status = provider_needs_status(need, service.eligibility)
    person, *companions = need.people if shows_status else map(_without_status, need.people)
    return Matched(
        **_names(need),
        attempt=attempt,
        provider=chosen.entry.provider,
        service=service.service,
        slot=slots[0],
        slots=slots,
        match_id=match,
        version=chosen.entry.version,
        category=need.category,
        urgency=need.urgency,
        person=person,
        region=need.region,
        constraints=need.constraints,
        requested_at=need.requested_at,
        reasons=chosen.reasons,
        funnel=funnel,
        schedule=service.schedule,
        broadcast=broadcast,
        companions=companions,
        needs_assessment=chosen.unknown,
        free=chosen.free,
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
    """No service can take the need now; or, with a `code`, none must."""
    return matching.Waiting(
        **_names(need), attempt=attempt, since=since, until=until, funnel=funnel, code=code, weighed=weighed
    )


def patience_over(
    need: NeedRegistered, attempt: int, since: datetime, until: datetime, funnel: list[FunnelStep]
) -> matching.PatienceOver:
    """The need still waits, although its patience is over."""
    return matching.PatienceOver(
        **_names(need),
        attempt=attempt,
        urgency=need.urgency,
        cause=cause_of(funnel),
        funnel=funnel,
        since=since,
        until=until,
    )


def on_hold(
    need: NeedRegistered, attempt: int, asks: matching.AttemptEnded, since: datetime, until: datetime
) -> matching.OnHold:
    """The agency must add what the service of this attempt asked for."""
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
    """The provider of this match says that nothing more needs to be done."""
    return matching.Closed(
        **_names(match), attempt=attempt, provider=match.provider, service=match.service, cause=cause
    )


def place_used(match: Matched, until: date) -> matching.PlaceUsed:
    """The place of this match does not return before the quota is renewed."""
    rows = [row_id(service_id(match.provider, match.service), slot) for slot in match.slots or [match.slot]]
    names = {"referral_id": match.referral_id, "need_id": match.need_id, "match_id": match.match_id}
    return matching.PlaceUsed(**names, rows=rows, until=until)


def entry_doubted(provider: str, service: str, field: str, fix: str) -> Emit:
    """Notify a provider, through notification, of what its answers show about one of its entries."""
    doubted = notification.EntryProblemsFound(
        provider=provider, entry=service, problems=[Problem(field=field, fix=fix)]
    )
    return Emit(doubted, topics.inbox("notification"), provider)


def unmet(
    record: NeedRecord, cause: str, funnel: list[FunnelStep], weighed: DecisionRationale | None = None
) -> matching.Unmet:
    """No service could take the need.

    `cause` is `ATTEMPTS_EXHAUSTED`, the code of what the agency did not add, or `cause_of` the funnel.
    """
    return matching.Unmet(
        **_names(record.accepted),
        attempt=record.attempt,
        cause=cause,
        funnel=funnel,
        weighed=weighed,
        hard_to_place=record.hard_to_place,
    )


def cause_of(funnel: list[FunnelStep]) -> str:
    """The rule that removed the last services; `NO_PLACE` where there were services, but all of them full."""
    return NO_PLACE if funnel[-1].rule is Rule.PLACE else funnel[-1].rule.value


def revoked(match: Matched, cause: str) -> matching.MatchRevoked:
    """The match is revoked: ``withdrawn``, ``corrected``, `TAKEN_BY_ANOTHER`, or by the code that closed the need."""
    return matching.MatchRevoked(
        **_names(match), attempt=match.attempt, provider=match.provider, service=match.service, cause=cause
    )


def attempt_ended(
    match: Matched, service: str, version: str, event: notification.Refusal, now: datetime
) -> matching.AttemptEnded:
    """The provider or the person declined, or did not answer. `service` is the id among all providers."""
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


def need_ended(record: NeedRecord, end: str) -> matching.NeedEnded:
    """The need has ended; `end` is a state of the lifecycle."""
    need = record.accepted
    return matching.NeedEnded(
        referral_id=need.referral_id,
        need_id=need.need_id,
        attempt=record.attempt,
        end=end,
        hard_to_place=record.hard_to_place,
    )


def end_of(event: notification.Outcome) -> str:
    """The state of the lifecycle that this outcome leads to."""
    if isinstance(event, notification.NotDelivered):
        return "not-delivered"
    return "partly-delivered" if event.partly else "delivered"


def recalled(need: NeedRegistered) -> Emit:
    """Have a waiting need look again, in its own stream."""
    event = matching.WaitingRecalled(referral_id=need.referral_id, need_id=need.need_id)
    return Emit(event, topics.inbox("matching"), need.referral_id)


def _without_status(person: MinimalProfile) -> MinimalProfile:
    return person if person.status is None else person.model_copy(update={"status": None})


def _names(source: NeedRegistered | Matched) -> dict[str, Any]:
    """The identifying fields of every fact that other services follow."""
    return {name: getattr(source, name) for name in ("referral_id", "need_id", "need", "agency", "reference")}
