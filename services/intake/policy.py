"""Intake's decisions: accept, correct, change consent, withdraw, say again, release, recall. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce

from contracts import agency, provider, topics
from contracts.base import Message
from contracts.intake import (
    Accepted,
    Asked,
    ConsentReceived,
    DeletionConfirmed,
    Held,
    PersonCorrected,
    Problem,
    Received,
    Refused,
    ReleaseEnded,
    ReleaseRequested,
    StatusAsked,
    StatusDue,
    WithdrawalReceived,
    Withdrawn,
)
from contracts.operations import TimerElapsed
from services.chassis.decider import Arrived, Effect, Emit, Reply

from . import consent, holdings
from .consent import Keys
from .household import all_flags, for_whom
from .personal import recipients
from .state import Referral
from .triage import triage

RECALL_WITHIN = timedelta(hours=72)
"""How long a provider has to acknowledge a recall, unless the settings say otherwise."""

CONSENT_WITHDRAWN = "consent-withdrawn"
"""Why a need ended that nothing but a consent allowed, when there is none any more."""

_ID_REUSED = "was used for another body; use a new id"
_OLDER = "is older than the consent in force, which came with agency.consent-changed.v1 or a correction; send that one"

_FromAgency = Received | ConsentReceived | WithdrawalReceived | StatusAsked
_HANDLED: tuple[type[Message], ...] = (
    Received, ConsentReceived, WithdrawalReceived, StatusAsked, ReleaseRequested, ReleaseEnded, DeletionConfirmed,
    TimerElapsed,
)  # fmt: skip
_FACTS: tuple[type[Message], ...] = (Held, Accepted, PersonCorrected, Withdrawn, provider.Recall, *holdings.FACTS)


class IntakePolicy:
    """See `services.chassis.decider.Policy`. `recall_within` is how long a provider has to acknowledge a recall."""

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {model.ce_type(): model for model in _FACTS}

    def __init__(self, recall_within: timedelta = RECALL_WITHIN) -> None:
        self._within = recall_within

    def stream(self, event: Message) -> str:
        """The referral's id."""
        if isinstance(event, TimerElapsed):
            return event.stream
        assert isinstance(event, _FromAgency | ReleaseRequested | ReleaseEnded | DeletionConfirmed)  # noqa: S101
        return event.referral_id

    def initial(self, stream: str) -> Referral:
        """Nothing is known yet."""
        return Referral()

    def decide(self, state: Referral, event: Arrived, now: datetime, given: Keys) -> Sequence[Effect]:
        """What follows from an event."""
        match event.data:
            case Received() as received:
                return self._correct(state, received, now, given) if received.corrects else _submit(state, received)
            case ConsentReceived() as changed:
                return self._change_consent(state, changed, now, given)
            case WithdrawalReceived() as withdrawal:
                return _withdraw(state, withdrawal)
            case StatusAsked() as asked:
                return _say_again(state) if state.held else [_unknown(asked)]
            case ReleaseRequested() as request:
                return consent.request(state, request, now, given)
            case ReleaseEnded() as ended:
                return consent.end(state, ended, now, self._within)
            case DeletionConfirmed() as confirmed:
                return consent.confirm(state, confirmed)
            case TimerElapsed() as elapsed:
                return [*consent.look_again(state, elapsed, now, given), *consent.overdue(state, elapsed, now)]
            case _:
                return []

    def evolve(self, state: Referral, fact: Message) -> Referral:
        """The referral after a fact."""
        return state.after(fact)

    def collide(self, state: Referral, event: Arrived) -> Sequence[Effect]:
        """One id for two bodies: the first counts, and the agency is told."""
        match event.data:
            case Received() | ConsentReceived() | WithdrawalReceived() | StatusAsked() as data:
                return [_refused(data, Problem(field="ce_id", fix=_ID_REUSED))]
            case DeletionConfirmed() as confirmed:
                return [consent.refused(confirmed, "ce_id", _ID_REUSED)]
            case _:
                return []

    def _correct(self, state: Referral, received: Received, now: datetime, keys: Keys) -> Sequence[Effect]:
        effects = _correct(state, received)
        return [*effects, *self._settle(state, effects, now, keys)]

    def _change_consent(self, state: Referral, changed: ConsentReceived, now: datetime, keys: Keys) -> Sequence[Effect]:
        effects = _change_consent(state, changed)
        return [*effects, *self._settle(state, effects, now, keys)]

    def _settle(self, state: Referral, effects: Sequence[Effect], now: datetime, keys: Keys) -> Sequence[Effect]:
        """What follows for those who have been told something of the person; nothing where nothing has changed."""
        facts = [each.event for each in effects if isinstance(each, Emit)]
        return consent.settle(reduce(Referral.after, facts, state), now, keys, self._within) if facts else []


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
    if consent.as_of(received.consent, received.received_at) < _consent_at(state.held):
        return [_refused(received, Problem(field="consent.given_at", fix=_OLDER))]
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


def _change_consent(state: Referral, changed: ConsentReceived) -> Sequence[Effect]:
    """Matching learns who may be asked now; or all that is open ends, if nothing allows it any more."""
    if state.held is None:
        return [_unknown(changed)]
    if changed.consent == state.held.consent:
        return _say_again(state)
    since = consent.as_of(changed.consent, changed.received_at)
    if since < _consent_at(state.held):
        return [_refused(changed, Problem(field="consent.given_at", fix=_OLDER))]
    effects: list[Effect] = [
        Emit(state.held.model_copy(update={"consent": changed.consent, "consent_at": since})),
    ]
    if consent.ends_all(changed.consent):
        effects += [_withdrawn(state.accepted[need], CONSENT_WITHDRAWN) for need in state.open]
    else:
        named = recipients(changed.consent.grants)
        now: dict[str, object] = {"recipients": "any" if named is None else named}
        for known in (state.accepted[need] for need in state.open):
            again = known.model_copy(update={**now, "revision": known.revision + 1})
            if _differs(known, again):
                effects.append(Emit(again, topics.INTAKE))
    return effects if len(effects) > 1 else [*effects, *_say_again(state)]


def _consent_at(held: Held) -> datetime:
    return held.consent_at or consent.as_of(held.consent, held.requested_at)


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
        consent_at=consent.as_of(received.consent, received.received_at),
        may_contact=received.may_contact,
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


def _unknown(data: _FromAgency) -> Reply:
    return _refused(data, Problem(field="reference", fix="is not known; send agency.submitted.v1 first"))


def _refused(data: _FromAgency, *problems: Problem) -> Reply:
    """In the words of what the agency sent, not of what its gate made of it."""
    match data:
        case Received():
            sent = agency.Corrected.TYPE if data.corrects else agency.Submitted.TYPE
        case ConsentReceived():
            sent = agency.ConsentChanged.TYPE
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
