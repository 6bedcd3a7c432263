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
    Linked,
    LinkEnded,
    Problem,
    Received,
    Refused,
    Released,
    ReleaseRequested,
    ServedDoubtful,
    Serving,
    ServingEnded,
    StatusAsked,
    StatusDue,
    Unlinked,
    WithdrawalReceived,
    Withdrawn,
)
from contracts.matching import NeedEnded, Unmet
from contracts.operations import TimerElapsed
from contracts.words import ALREADY_SERVED, HeldBack, Lifecycle
from services.chassis.decider import Arrived, Drop, Effect, Emit, Reply, SetTimer

from . import duplicates
from .duplicates import HELPED, LINKS, Desk, link_row
from .personal import granted, recipients
from .state import Referral
from .triage import triage

_FIRST_LOOK, _LAST_LOOK = timedelta(seconds=1), timedelta(minutes=10)


class Given(duplicates.Known, Protocol):
    """What a decision needs to know from outside: rows, and for a release the providers' keys."""

    def __contains__(self, provider: object) -> bool:
        """True when the provider has published a key to encrypt to."""
        ...


class IntakePolicy:
    """See `services.chassis.decider.Policy`."""

    handles: Mapping[str, type[Message]] = {
        model.ce_type(): model
        for model in (
            *(Received, WithdrawalReceived, StatusAsked, ReleaseRequested, TimerElapsed),
            *(Unmet, NeedEnded, LinkEnded, ServedDoubtful),
        )
    }
    facts: Mapping[str, type[Message]] = {
        model.ce_type(): model
        for model in (
            *(Held, Accepted, Withdrawn, ReleaseRequested, Released),
            *(Serving, ServingEnded, Linked, Unlinked, LinkEnded),
        )
    }

    def __init__(self, *, link_confidential: bool = True) -> None:
        self._link_confidential = link_confidential

    def stream(self, event: Message) -> str:
        """The referral's id."""
        if isinstance(event, TimerElapsed):
            return event.stream
        referral: str = event.referral_id  # type: ignore[attr-defined]  # all else that is handled has one
        return referral

    def initial(self, stream: str) -> Referral:
        """Nothing is known yet."""
        return Referral()

    def decide(self, state: Referral, event: Arrived, now: datetime, given: Given) -> Sequence[Effect]:
        """What follows from an event."""
        desk = Desk(state, self.stream(event.data), given, link_confidential=self._link_confidential)
        match event.data:
            case Received() as received:
                return _correct(state, received, desk) if received.corrects else _submit(state, received, desk)
            case WithdrawalReceived() as withdrawal:
                return _withdraw(state, withdrawal, desk)
            case Unmet() as unmet:
                return _over(state, unmet.need_id, Lifecycle.UNMET.value, desk)
            case NeedEnded() as ended:
                return _over(state, ended.need_id, ended.end, desk)
            case LinkEnded() as link_ended:
                return _link_ended(state, link_ended, desk)
            case ServedDoubtful() as doubt:
                return desk.disown(doubt)
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
                return duplicates.evolve(state, fact)

    def collide(self, state: Referral, event: Arrived) -> Sequence[Effect]:
        """One id for two bodies: the first counts, and the agency is told."""
        match event.data:
            case Received() | WithdrawalReceived() | StatusAsked() as data:
                return [_refused(data, Problem(field="ce_id", fix="was used for another body; use a new id"))]
            case _:
                return []


def _submit(state: Referral, received: Received, desk: Desk) -> Sequence[Effect]:
    if state.held is None:
        effects: list[Effect] = [Emit(_held(received))]
        for asked in received.needs:
            held_back, rows = desk.place(received, asked)
            effects += [*rows, _accept(received, asked, held_back)]
        return effects
    if _same(state.held, received):  # sending it twice is sending it once
        return _say_again(state)
    fix = "is in use for another referral; to change that one, send agency.corrected.v1"
    return [_refused(received, Problem(field="reference", fix=fix))]


def _correct(state: Referral, received: Received, desk: Desk) -> Sequence[Effect]:
    if state.held is None:
        return [_unknown(received)]
    gone = [asked.need for asked in received.needs if asked.need in state.withdrawn]
    if gone:
        problems = [Problem(field="needs", fix=f"{need} was withdrawn; ask again under a new label") for need in gone]
        return [_refused(received, *problems)]
    if _same(state.held, received):
        return _say_again(state)
    effects: list[Effect] = [Emit(_held(received))]
    for asked in received.needs:
        known = state.accepted.get(asked.need)
        held_back, rows = desk.place(received, asked)
        again = _accept(received, asked, held_back, known)
        effects += rows
        if known is None or _differs(known, again.event):
            effects.append(again)
    named = {asked.need for asked in received.needs}
    for need in state.open:
        if need not in named:
            effects += [*desk.leave(need, Lifecycle.WITHDRAWN.value), _withdrawn(state.accepted[need], "corrected")]
    is_told = any(isinstance(each, Emit) and each.topic == topics.INTAKE for each in effects)
    return effects if is_told else [*effects, *_say_again(state)]  # no silence, also where only a name changed


def _withdraw(state: Referral, withdrawal: WithdrawalReceived, desk: Desk) -> Sequence[Effect]:
    if state.held is None:
        return [_unknown(withdrawal)]
    unknown = [need for need in withdrawal.needs if need not in state.accepted]
    if unknown:
        problem = Problem(field="needs", fix=f"this referral has only: {', '.join(state.accepted)}")
        return [_refused(withdrawal, problem)]
    closing = [need for need in state.open if not withdrawal.needs or need in withdrawal.needs]
    if not closing:
        return _say_again(state)
    rows = [each for need in closing for each in desk.leave(need, Lifecycle.WITHDRAWN.value)]
    return [*(_withdrawn(state.accepted[need], withdrawal.reason) for need in closing), *rows]


def _over(state: Referral, need_id: str, end: str, desk: Desk) -> Sequence[Effect]:
    """A need has ended elsewhere. That matters to intake only where it has a row, or waits for one."""
    rows = [*state.serving.values(), *state.links.values()]
    return [effect for each in rows if each.need_id == need_id for effect in desk.leave(each.need, end)]


def _link_ended(state: Referral, event: LinkEnded, desk: Desk) -> Sequence[Effect]:
    """Help was given: that is the end where the agency knows of it, and no news where it doesn't. Else it resumes."""
    link = state.links.get(event.need)
    if link is None or link.turn != event.turn:
        return [Drop(LINKS, link_row(event.need_id, event.turn))]
    need = state.accepted[event.need]
    if event.end in HELPED:
        closed = [_withdrawn(need, ALREADY_SERVED)] if link.held_back is HeldBack.TOLD else []
        return [*desk.leave(event.need, event.end), *closed]
    rows = desk.resume(need)
    if rows is None:
        return []
    resumed = need.model_copy(update={"revision": need.revision + 1, "held_back": None})
    return [*rows, Emit(resumed, topics.INTAKE)]


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
    state: Referral, request: ReleaseRequested, now: datetime, keys: Given, looked: int = 0
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
    )
    return [Emit(released, topics.notifications(request.provider))]


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
        consent=received.consent,
        needs=received.needs,
        personal=received.personal,
    )


def _same(held: Held, received: Received) -> bool:
    """The same request, which the digest tells also of what is sealed. What a correction mostly changes is first."""
    return (held.personal.digest, held.needs, held.person, held.region, held.consent, held.referrer) == (
        received.personal.digest,
        received.needs,
        received.person,
        received.region,
        received.consent,
        received.referrer,
    )


def _accept(received: Received, asked: Asked, held_back: HeldBack | None = None, known: Accepted | None = None) -> Emit:
    """A need as matching is to see it; a corrected one keeps the time it was first asked for, and so its turn."""
    named = recipients(received.consent.grants)
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
        urgency=triage(asked.urgency, asked.category, received.person.flags),
        person=received.person,
        region=received.region,
        constraints=asked.constraints,
        preferences=asked.preferences,
        recipients="any" if named is None else named,
        held_back=held_back,
    )
    return Emit(accepted, topics.INTAKE)


def _differs(known: Accepted, again: Message) -> bool:
    """True when a correction matters to matching."""
    return known.model_copy(update={"revision": known.revision + 1}) != again


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
