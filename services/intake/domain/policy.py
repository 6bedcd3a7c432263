"""Intake's decisions: accept, correct, change consent, withdraw, say again, release, recall. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import Protocol

from contracts import provider, topics
from contracts.base import Message
from contracts.intake import (
    ConsentReceived,
    DeletionConfirmed,
    Linked,
    LinkEnded,
    NeedRegistered,
    NeedWithdrawn,
    PersonCorrected,
    PrimaryClaimed,
    PrimaryReleased,
    Problem,
    ReferralReceived,
    ReferralStored,
    ReleaseEnded,
    ReleaseRequested,
    ServedDoubtful,
    StatusAsked,
    Unlinked,
    WithdrawalReceived,
)
from contracts.matching import Closed, NeedEnded, Unmet
from contracts.operations import TimerElapsed
from contracts.words import ALREADY_SERVED, HeldBack, Lifecycle
from services.chassis.decider import Drop, Effect, Emit, IncomingEvent

from . import consent, deduplication, disclosures, facts, replies
from .consent import Keys
from .deduplication import HELPED, LINKS, DuplicateCheck, link_row
from .grants import may_link, recipients
from .state import Referral

RECALL_WITHIN = timedelta(hours=72)
"""How long a provider has to acknowledge a recall, unless the settings say otherwise."""

CONSENT_WITHDRAWN = "consent-withdrawn"
"""Why a need ended that nothing but a consent allowed, when there is none any more."""

_ID_REUSED = "was used for another body; use a new id"
_OLDER = "is older than the consent in force, which came with agency.consent-changed.v1 or a correction; send that one"


class Given(deduplication.Known, Keys, Protocol):
    """What a decision needs to know from outside: rows, and for a release the providers' keys."""


_HANDLED: tuple[type[Message], ...] = (
    ReferralReceived, ConsentReceived, WithdrawalReceived, StatusAsked, ReleaseRequested, ReleaseEnded, DeletionConfirmed,
    TimerElapsed, Unmet, Closed, NeedEnded, LinkEnded, ServedDoubtful,
)  # fmt: skip
_FACTS: tuple[type[Message], ...] = (
    ReferralStored, NeedRegistered, PersonCorrected, NeedWithdrawn, provider.Recall, *disclosures.FACTS,
    PrimaryClaimed, PrimaryReleased, Linked, Unlinked, LinkEnded,
)  # fmt: skip


class IntakePolicy:
    """See `services.chassis.decider.Policy`. `recall_within` is how long a provider has to acknowledge a recall.

    With `link_confidential` a person is served once also where nobody may be told why a need waits.
    """

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {model.ce_type(): model for model in _FACTS}

    def __init__(self, recall_within: timedelta = RECALL_WITHIN, *, link_confidential: bool = False) -> None:
        self._within = recall_within
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

    def decide(self, state: Referral, event: IncomingEvent, now: datetime, context: Given) -> Sequence[Effect]:
        """What follows from an event."""
        desk = DuplicateCheck(state, self.stream(event.data), context, link_confidential=self._link_confidential)
        match event.data:
            case ReferralReceived() as received:
                if received.corrects:
                    return self._correct(state, received, now, context, desk)
                return _submit(state, received, desk)
            case ConsentReceived() as changed:
                return self._change_consent(state, changed, now, context, desk)
            case WithdrawalReceived() as withdrawal:
                return _withdraw(state, withdrawal, desk)
            case Unmet() as unmet:
                return _over(state, unmet.need_id, Lifecycle.UNMET.value, desk)
            case Closed() as closed:
                return _over(state, closed.need_id, Lifecycle.WITHDRAWN.value, desk)
            case NeedEnded() as over:
                return _over(state, over.need_id, over.end, desk)
            case LinkEnded() as link_ended:
                return _link_ended(state, link_ended, desk)
            case ServedDoubtful() as doubt:
                return desk.disown(doubt)
            case StatusAsked() as asked:
                return replies.say_again(state) if state.held else [replies.unknown(asked)]
            case ReleaseRequested() as request:
                return consent.request(state, request, now, context)
            case ReleaseEnded() as ended:
                return consent.end(state, ended, now, self._within)
            case DeletionConfirmed() as confirmed:
                return consent.confirm(state, confirmed)
            case TimerElapsed() as elapsed:
                return [*consent.look_again(state, elapsed, now, context), *consent.overdue(state, elapsed, now)]
            case _:
                return []

    def evolve(self, state: Referral, fact: Message) -> Referral:
        """The referral after a fact."""
        return state.after(fact)

    def on_id_reuse(self, state: Referral, event: IncomingEvent) -> Sequence[Effect]:
        """One id for two bodies: the first counts, and the agency is told."""
        match event.data:
            case ReferralReceived() | ConsentReceived() | WithdrawalReceived() | StatusAsked() as data:
                return [replies.refused(data, Problem(field="ce_id", fix=_ID_REUSED))]
            case DeletionConfirmed() as confirmed:
                return [consent.refused(confirmed, "ce_id", _ID_REUSED)]
            case _:
                return []

    def _correct(
        self, state: Referral, received: ReferralReceived, now: datetime, keys: Keys, desk: DuplicateCheck
    ) -> Sequence[Effect]:
        effects = _correct(state, received, desk)
        return [*effects, *self._settle(state, effects, now, keys)]

    def _change_consent(
        self, state: Referral, changed: ConsentReceived, now: datetime, keys: Keys, desk: DuplicateCheck
    ) -> Sequence[Effect]:
        effects = _change_consent(state, changed, desk)
        return [*effects, *self._settle(state, effects, now, keys)]

    def _settle(self, state: Referral, effects: Sequence[Effect], now: datetime, keys: Keys) -> Sequence[Effect]:
        """What follows for those who have been told something of the person; nothing where nothing has changed."""
        if not state.holdings:
            return []
        said = [each.event for each in effects if isinstance(each, Emit)]
        return consent.settle(reduce(Referral.after, said, state), now, keys, self._within) if said else []


def _submit(state: Referral, received: ReferralReceived, desk: DuplicateCheck) -> Sequence[Effect]:
    if state.held is None:
        effects: list[Effect] = [Emit(facts.held(received))]
        for asked in received.needs:
            held_back, rows = desk.place(received, asked)
            effects += [*rows, facts.accepted(received, asked, held_back)]
        return effects
    if facts.same(state.held, received):  # sending it twice is sending it once
        return replies.say_again(state)
    fix = "is in use for another referral; to change that one, send agency.corrected.v1"
    return [replies.refused(received, Problem(field="reference", fix=fix))]


def _correct(state: Referral, received: ReferralReceived, desk: DuplicateCheck) -> Sequence[Effect]:
    if state.held is None:
        return [replies.unknown(received)]
    gone = [asked.need for asked in received.needs if asked.need in state.withdrawn]
    if gone:
        problems = [Problem(field="needs", fix=f"{need} was withdrawn; ask again under a new label") for need in gone]
        return [replies.refused(received, *problems)]
    if facts.same(state.held, received):
        return replies.say_again(state)
    if consent.as_of(received.consent, received.received_at) < _consent_at(state.held):
        return [replies.refused(received, Problem(field="consent.given_at", fix=_OLDER))]
    effects: list[Effect] = [Emit(facts.held(received))]
    same: list[NeedRegistered] = []
    for asked in received.needs:
        known = state.accepted.get(asked.need)
        held_back, rows = desk.place(received, asked)
        again = facts.accepted(received, asked, held_back, known)
        effects += rows
        if known is None or facts.differs(known, again.event):
            effects.append(again)
        else:
            same.append(known)
    named = {asked.need for asked in received.needs}
    for need in state.open:
        if need not in named:
            effects += [
                *desk.leave(need, Lifecycle.WITHDRAWN.value),
                facts.withdrawn(state.accepted[need], "corrected"),
            ]
    told = [] if _is_told(effects) else replies.say_again(state)  # no silence, also where only a name changed
    return [*effects, *map(facts.person_corrected, same), *told]


def _change_consent(state: Referral, changed: ConsentReceived, desk: DuplicateCheck) -> Sequence[Effect]:
    """Matching learns who may be asked now; or all that is open ends, if nothing allows it any more.

    Who may not be known again any more has no row, and is not held back for one.
    """
    if state.held is None:
        return [replies.unknown(changed)]
    if changed.consent == state.held.consent:
        return replies.say_again(state)
    since = consent.as_of(changed.consent, changed.received_at)
    if since < _consent_at(state.held):
        return [replies.refused(changed, Problem(field="consent.given_at", fix=_OLDER))]
    effects: list[Effect] = [
        Emit(state.held.model_copy(update={"consent": changed.consent, "consent_at": since})),
    ]
    if consent.ends_all(changed.consent):
        for need in state.open:
            effects += desk.leave(need, Lifecycle.WITHDRAWN.value)
            effects.append(facts.withdrawn(state.accepted[need], CONSENT_WITHDRAWN))
        return effects if _is_told(effects) else [*effects, *replies.say_again(state)]
    named = recipients(changed.consent.grants)
    for known in (state.accepted[need] for need in state.open):
        now: dict[str, object] = {"recipients": "any" if named is None else named, "revision": known.revision + 1}
        if not may_link(changed.consent):
            effects += desk.leave(known.need, "corrected")
            now["held_back"] = None
        again = known.model_copy(update=now)
        if facts.differs(known, again):
            effects.append(Emit(again, topics.INTAKE))
    return effects if _is_told(effects) else [*effects, *replies.say_again(state)]


def _is_told(effects: Sequence[Effect]) -> bool:
    return any(isinstance(each, Emit) and each.topic == topics.INTAKE for each in effects)


def _consent_at(held: ReferralStored) -> datetime:
    return held.consent_at or consent.as_of(held.consent, held.requested_at)


def _withdraw(state: Referral, withdrawal: WithdrawalReceived, desk: DuplicateCheck) -> Sequence[Effect]:
    if state.held is None:
        return [replies.unknown(withdrawal)]
    unknown = [need for need in withdrawal.needs if need not in state.accepted]
    if unknown:
        problem = Problem(field="needs", fix=f"this referral has only: {', '.join(state.accepted)}")
        return [replies.refused(withdrawal, problem)]
    closing = [need for need in state.open if not withdrawal.needs or need in withdrawal.needs]
    if not closing:
        return replies.say_again(state)
    rows = [each for need in closing for each in desk.leave(need, Lifecycle.WITHDRAWN.value)]
    return [*(facts.withdrawn(state.accepted[need], withdrawal.reason) for need in closing), *rows]


def _over(state: Referral, need_id: str, end: str, desk: DuplicateCheck) -> Sequence[Effect]:
    """A need has ended elsewhere. That matters to intake only where it has a row, or waits for one."""
    rows = [*state.serving.values(), *state.links.values()]
    return [effect for each in rows if each.need_id == need_id for effect in desk.leave(each.need, end)]


def _link_ended(state: Referral, event: LinkEnded, desk: DuplicateCheck) -> Sequence[Effect]:
    """Help was given: that is the end where the agency knows of it, and no news where it doesn't. Else it resumes."""
    link = state.links.get(event.need)
    if link is None or link.turn != event.turn:
        return [Drop(LINKS, link_row(event.need_id, event.turn))]
    need = state.accepted[event.need]
    if event.end in HELPED:
        closed = [facts.withdrawn(need, ALREADY_SERVED)] if link.held_back is HeldBack.TOLD else []
        return [*desk.leave(event.need, event.end), *closed]
    rows = desk.resume(need)
    if rows is None:
        return []
    resumed = need.model_copy(update={"revision": need.revision + 1, "held_back": None})
    return [*rows, Emit(resumed, topics.INTAKE)]
