"""Intake's decisions: accept, correct, withdraw, say again, release. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from contracts import agency, topics
from contracts.base import Message
from contracts.intake import (
    Accepted,
    Asked,
    Held,
    PersonCorrected,
    Problem,
    Received,
    Refused,
    Released,
    ReleaseRequested,
    StatusAsked,
    StatusDue,
    WithdrawalReceived,
    Withdrawn,
)
from contracts.operations import TimerElapsed
from services.chassis.decider import Arrived, Effect, Emit, Reply, SetTimer

from .household import all_flags, for_whom, whom
from .personal import granted, recipients
from .state import Referral
from .triage import triage

_FIRST_LOOK, _LAST_LOOK = timedelta(seconds=1), timedelta(minutes=10)


class Keys(Protocol):
    """What a release needs to know from outside."""

    def __contains__(self, provider: object) -> bool:
        """True when the provider has published a key to encrypt to."""
        ...


class IntakePolicy:
    """See `services.chassis.decider.Policy`."""

    handles: Mapping[str, type[Message]] = {
        model.ce_type(): model for model in (Received, WithdrawalReceived, StatusAsked, ReleaseRequested, TimerElapsed)
    }
    facts: Mapping[str, type[Message]] = {
        model.ce_type(): model for model in (Held, Accepted, PersonCorrected, Withdrawn, ReleaseRequested, Released)
    }

    def stream(self, event: Message) -> str:
        """The referral's id."""
        if isinstance(event, TimerElapsed):
            return event.stream
        assert isinstance(event, Received | WithdrawalReceived | StatusAsked | ReleaseRequested)  # noqa: S101
        return event.referral_id

    def initial(self, stream: str) -> Referral:
        """Nothing is known yet."""
        return Referral()

    def decide(self, state: Referral, event: Arrived, now: datetime, given: Keys) -> Sequence[Effect]:
        """What follows from an event."""
        match event.data:
            case Received() as received:
                return _correct(state, received) if received.corrects else _submit(state, received)
            case WithdrawalReceived() as withdrawal:
                return _withdraw(state, withdrawal)
            case StatusAsked() as asked:
                return _say_again(state) if state.held else [_unknown(asked)]
            case ReleaseRequested() as request:
                is_awaited = (request.need, request.attempt) in state.pending
                effects = _release(state, request, now, given)
                return [each for each in effects if not (is_awaited and isinstance(each, SetTimer))]  # it has one
            case TimerElapsed(name=name):
                timer, _, looked = name.rpartition(":")
                awaited = [request for request in state.pending.values() if _timer(request) == timer]
                return [each for request in awaited for each in _release(state, request, now, given, int(looked) + 1)]
            case _:
                return []

    def evolve(self, state: Referral, fact: Message) -> Referral:
        """The referral after a fact."""
        match fact:
            case Held():
                return replace(state, held=fact)
            case Accepted():
                return replace(state, accepted={**state.accepted, fact.need: fact})
            case Withdrawn():
                return replace(state, withdrawn=state.withdrawn | {fact.need})
            case ReleaseRequested():
                return replace(state, pending={**state.pending, (fact.need, fact.attempt): fact})
            case Released():
                this = (fact.need, fact.attempt)
                pending = {key: request for key, request in state.pending.items() if key != this}
                return replace(state, released=state.released | {this}, pending=pending)
            case _:
                return state

    def collide(self, state: Referral, event: Arrived) -> Sequence[Effect]:
        """One id for two bodies: the first counts, and the agency is told."""
        match event.data:
            case Received() | WithdrawalReceived() | StatusAsked() as data:
                return [_refused(data, Problem(field="ce_id", fix="was used for another body; use a new id"))]
            case _:
                return []


def _submit(state: Referral, received: Received) -> Sequence[Effect]:
    if state.held is None:
        return [Emit(_held(received)), *(_accept(received, asked) for asked in received.needs)]
    if _same(state.held, received):  # sending it twice is sending it once
        return _say_again(state)
    fix = "is in use for another referral; to change that one, send agency.corrected.v1"
    return [_refused(received, Problem(field="reference", fix=fix))]


def _correct(state: Referral, received: Received) -> Sequence[Effect]:
    if state.held is None:
        return [_unknown(received)]
    gone = [asked.need for asked in received.needs if asked.need in state.withdrawn]
    if gone:
        problems = [Problem(field="needs", fix=f"{need} was withdrawn; ask again under a new label") for need in gone]
        return [_refused(received, *problems)]
    if _same(state.held, received):
        return _say_again(state)
    effects: list[Effect] = [Emit(_held(received))]
    same: list[Accepted] = []
    for asked in received.needs:
        known = state.accepted.get(asked.need)
        again = _accept(received, asked, known)
        if known is None or _differs(known, again.event):
            effects.append(again)
        else:
            same.append(known)
    named = {asked.need for asked in received.needs}
    effects += [_withdrawn(state.accepted[need], "corrected") for need in state.open if need not in named]
    told = [] if len(effects) > 1 else _say_again(state)  # no silence, also where only a name changed
    return [*effects, *map(_person_corrected, same), *told]


def _withdraw(state: Referral, withdrawal: WithdrawalReceived) -> Sequence[Effect]:
    if state.held is None:
        return [_unknown(withdrawal)]
    unknown = [need for need in withdrawal.needs if need not in state.accepted]
    if unknown:
        problem = Problem(field="needs", fix=f"this referral has only: {', '.join(state.accepted)}")
        return [_refused(withdrawal, problem)]
    closing = [need for need in state.open if not withdrawal.needs or need in withdrawal.needs]
    if not closing:
        return _say_again(state)
    return [_withdrawn(state.accepted[need], withdrawal.reason) for need in closing]


def _say_again(state: Referral) -> Sequence[Effect]:
    return [
        Reply(
            StatusDue(
                referral_id=need.referral_id,
                need_id=need.need_id,
                need=need.need,
                agency=need.agency,
                reference=need.reference,
            ),
            topics.inbox("outcomes"),
        )
        for need in state.accepted.values()
    ]


def _release(
    state: Referral, request: ReleaseRequested, now: datetime, keys: Keys, looked: int = 0
) -> Sequence[Effect]:
    """`looked`: how often its timer has elapsed already."""
    this = (request.need, request.attempt)
    if state.held is None or this in state.released or request.need not in state.open:
        return []
    fields = granted(state.held.consent.grants, request.provider)
    if not fields:
        return []
    if request.provider not in keys:  # mostly a matter of seconds: its profile has yet to be read
        pause = min(_FIRST_LOOK * 4 ** min(looked, 5), _LAST_LOOK)
        waits = [] if this in state.pending else [Emit(request)]
        return [*waits, SetTimer(f"{_timer(request)}:{looked}", now + pause)]
    released = Released(
        referral_id=request.referral_id,
        need_id=request.need_id,
        need=request.need,
        attempt=request.attempt,
        provider=request.provider,
        service=request.service,
        fields=fields,
        personal=state.held.personal,
        reference=state.held.reference,
        members=_members(state.held, request.need),
    )
    return [Emit(released, topics.notifications(request.provider))]


def _members(held: Held, need: str) -> list[str]:
    """Whom the need is for, by label; none where it is no longer asked for as it was."""
    household = [each.member for each in held.household]
    return next((whom(each.members, each.together, household) for each in held.needs if each.need == need), [])


def _timer(request: ReleaseRequested) -> str:
    return f"release:{request.need}:{request.attempt}"


def _held(received: Received) -> Held:
    return Held(
        agency=received.agency,
        reference=received.reference,
        referrer=received.referrer,
        requested_at=received.received_at,
        person=received.person,
        region=received.region,
        household=received.household,
        consent=received.consent,
        needs=received.needs,
        personal=received.personal,
    )


def _same(held: Held, received: Received) -> bool:
    """The same request, which the digest tells also of what is sealed. What a correction mostly changes is first."""
    one, other = (
        (each.personal.digest, each.needs, each.person, each.household, each.region, each.consent, each.referrer)
        for each in (held, received)
    )
    return one == other


def _accept(received: Received, asked: Asked, known: Accepted | None = None) -> Emit:
    """A need as matching is to see it; a corrected one keeps the time it was first asked for, and so its turn."""
    named = recipients(received.consent.grants)
    those = for_whom(asked.members, asked.together, received.person, received.household)
    accepted = Accepted(
        referral_id=received.referral_id,
        need_id=asked.need_id,
        need=asked.need,
        agency=received.agency,
        reference=received.reference,
        revision=0 if known is None else known.revision + 1,
        referrer=received.referrer,
        requested_at=received.received_at if known is None else known.requested_at,
        category=asked.category,
        urgency=triage(asked.urgency, asked.category, all_flags([those.person, *those.companions])),
        person=those.person,
        region=received.region,
        constraints=asked.constraints,
        preferences=asked.preferences,
        recipients="any" if named is None else named,
        companions=those.companions,
        places=those.places,
    )
    return Emit(accepted, topics.INTAKE)


def _differs(known: Accepted, again: Message) -> bool:
    """True when a correction matters to matching."""
    return known.model_copy(update={"revision": known.revision + 1}) != again


def _person_corrected(need: Accepted) -> Emit:
    """For whom a correction matters that matching does not see: a need that is on hold for it."""
    of_need = need.model_dump(include={"referral_id", "need_id", "need", "agency", "reference"})
    return Emit(PersonCorrected(**of_need), topics.INTAKE)


def _withdrawn(need: Accepted, reason: str) -> Emit:
    return Emit(
        Withdrawn(
            referral_id=need.referral_id,
            need_id=need.need_id,
            need=need.need,
            agency=need.agency,
            reference=need.reference,
            reason=reason,
        ),
        topics.INTAKE,
    )


def _unknown(data: Received | WithdrawalReceived | StatusAsked) -> Reply:
    return _refused(data, Problem(field="reference", fix="is not known; send agency.submitted.v1 first"))


def _refused(data: Received | WithdrawalReceived | StatusAsked, *problems: Problem) -> Reply:
    """In the words of what the agency sent, not of what its gate made of it."""
    match data:
        case Received():
            sent = agency.Corrected.TYPE if data.corrects else agency.Submitted.TYPE
        case WithdrawalReceived():
            sent = agency.Withdrawn.TYPE
        case StatusAsked():
            sent = agency.StatusRequested.TYPE
    return Reply(
        Refused(
            referral_id=data.referral_id,
            agency=data.agency,
            reference=data.reference,
            sent=sent,
            problems=list(problems),
        ),
        topics.inbox("outcomes"),
    )
