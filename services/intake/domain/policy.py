"""Intake's decisions: which step each event leads to. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
from contracts.profiles import Problem
from contracts.words import ALREADY_SERVED, HeldBack, Lifecycle
from services.chassis.decider import Drop, Effect, Emit, IncomingEvent

from . import agency_requests, ages, consent_rules, disclosures, facts, recalls, releases, replies
from .ages import KnownBirthDates
from .consent_rules import ConsentLimits
from .deduplication import HELPED, LINKS, DuplicateCheck, KnownRows, link_row
from .releases import PublicKeys
from .state import Referral, State, UnknownReferral, evolve

ACKNOWLEDGE_WITHIN = timedelta(hours=72)
"""How long a provider has to acknowledge a recall, unless the settings say otherwise."""

_ID_REUSED = "was used for another body; use a new id"


class PolicyContext(KnownRows, PublicKeys, KnownBirthDates, Protocol):
    """What a decision needs from outside: rows of the duplicate check, providers' keys, and birth dates when due."""


_HANDLED: tuple[type[Message], ...] = (
    ReferralReceived, ConsentReceived, WithdrawalReceived, StatusAsked, ReleaseRequested, ReleaseEnded,
    DeletionConfirmed, TimerElapsed, Unmet, Closed, NeedEnded, LinkEnded, ServedDoubtful,
)  # fmt: skip
_FACTS: tuple[type[Message], ...] = (
    ReferralStored, NeedRegistered, PersonCorrected, NeedWithdrawn, provider.Recall, provider.RecallClosed,
    *disclosures.FACTS, PrimaryClaimed, PrimaryReleased, Linked, Unlinked, LinkEnded,
)  # fmt: skip


class IntakePolicy:
    """See `services.chassis.decider.Policy`. `acknowledge_within` is how long a provider has to acknowledge a recall.

    With `link_confidential` the duplicate check also holds back needs whose agency must not learn the reason.
    `consents` says what is set about consent.
    """

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {model.ce_type(): model for model in _FACTS}

    def __init__(
        self,
        acknowledge_within: timedelta = ACKNOWLEDGE_WITHIN,
        *,
        link_confidential: bool = False,
        consents: ConsentLimits = consent_rules.USUAL,
    ) -> None:
        self._acknowledge_within = acknowledge_within
        self._consents = consents
        self._link_confidential = link_confidential

    def stream(self, event: Message) -> str:
        """The referral's id."""
        if isinstance(event, TimerElapsed):
            return event.stream
        referral: str = event.referral_id  # type: ignore[attr-defined]  # every other handled event has one
        return referral

    def initial(self, stream: str) -> State:
        """A referral of which nothing is known."""
        return UnknownReferral()

    def decide(self, state: State, event: IncomingEvent, now: datetime, context: PolicyContext) -> Sequence[Effect]:
        """The effects of an event."""
        duplicates = DuplicateCheck(
            state.needs, self.stream(event.data), context, link_confidential=self._link_confidential
        )
        match state, event.data:
            case _, ServedDoubtful() as doubt:
                return duplicates.on_doubt(doubt)
            case _, DeletionConfirmed() as confirmed:
                return recalls.on_confirmation(state, confirmed)
            case _, LinkEnded() as link_ended:
                return _on_link_ended(state, link_ended, duplicates)
            case UnknownReferral(), ReferralReceived(corrects=False) as submitted:
                return agency_requests.submit(submitted, duplicates)
            case UnknownReferral(), (
                ReferralReceived() | ConsentReceived() | WithdrawalReceived() | StatusAsked()
            ) as message:
                return [replies.unknown_referral(message)]
            case Referral() as referral, message:
                return self._decide_known(referral, message, now, context, duplicates)
            case _:
                return []

    def _decide_known(
        self, referral: Referral, message: Message, now: datetime, context: PolicyContext, duplicates: DuplicateCheck
    ) -> Sequence[Effect]:
        """The effects of an event on a referral that is stored."""
        match message:
            case ReferralReceived(corrects=False):
                return agency_requests.submit_again(referral, message)
            case ReferralReceived():
                return self._settled(referral, agency_requests.correct(referral, message, duplicates), now, context)
            case ConsentReceived():
                effects = agency_requests.change_consent(referral, message, duplicates, self._consents)
                return self._settled(referral, effects, now, context)
            case WithdrawalReceived():
                return agency_requests.withdraw(referral, message, duplicates)
            case StatusAsked():
                return replies.repeat_status(referral)
            case Unmet():
                return duplicates.on_need_ended(message.need_id, Lifecycle.UNMET.value)
            case Closed():
                return duplicates.on_need_ended(message.need_id, Lifecycle.WITHDRAWN.value)
            case NeedEnded():
                return duplicates.on_need_ended(message.need_id, message.end)
            case ReleaseRequested():
                return releases.on_request(referral, message, now, context)
            case ReleaseEnded():
                return recalls.on_release_ended(referral, message, now, self._acknowledge_within)
            case TimerElapsed() as elapsed if ages.is_about_ages(elapsed):
                known = context.birth_dates.get(elapsed.stream)
                return ages.on_timer(referral, elapsed, now, known) if known else []
            case TimerElapsed():
                return [
                    *releases.on_timer(referral, message, now, context),
                    *recalls.on_timer(referral, message, now),
                ]
            case _:
                return []

    def _settled(
        self, referral: Referral, effects: Sequence[Effect], now: datetime, keys: PublicKeys
    ) -> Sequence[Effect]:
        return [
            *effects,
            *agency_requests.settle_disclosures(referral, effects, now, keys, self._acknowledge_within),
        ]

    def evolve(self, state: State, fact: Message) -> State:
        """The state after a fact."""
        return evolve(state, fact)

    def on_id_reuse(self, state: State, event: IncomingEvent) -> Sequence[Effect]:
        """One id for two bodies: the first counts, and the sender gets a refusal."""
        match event.data:
            case ReferralReceived() | ConsentReceived() | WithdrawalReceived() | StatusAsked() as data:
                return [replies.refused(data, Problem(field="ce_id", fix=_ID_REUSED))]
            case DeletionConfirmed() as confirmed:
                return [recalls.refused(confirmed, "ce_id", _ID_REUSED)]
            case _:
                return []


def _on_link_ended(state: State, event: LinkEnded, duplicates: DuplicateCheck) -> Sequence[Effect]:
    """The need that had the row has ended: with help this need is closed if its agency knows, else it resumes."""
    link = state.needs.links.get(event.need)
    if link is None or link.turn != event.turn:
        return [Drop(LINKS, link_row(event.need_id, event.turn))]
    need = state.needs.registered[event.need]
    if event.end in HELPED:
        closed = [facts.withdrawn(need, ALREADY_SERVED)] if link.held_back is HeldBack.AGENCY_KNOWS else []
        return [*duplicates.leave(event.need, event.end), *closed]
    rows = duplicates.resume(need)
    if rows is None:
        return []
    resumed = need.model_copy(update={"revision": need.revision + 1, "held_back": None})
    return [*rows, Emit(resumed, topics.INTAKE)]
