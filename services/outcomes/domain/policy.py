"""What outcomes decides: what an agency is sent, and when.

A status is published only if the need's rank rises (see `rank`) or there is a new sub-status (`status.SUB_STATUSES`).
So an agency never reads "declined" before "matched", in whatever order the topics are read. Every event is journaled
all the same: the timeline is read from the journal, and also shows what no status reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, get_args

from contracts import intake, matching, operations, topics
from contracts.base import Message
from contracts.outcomes import (
    AgencyInputRefused,
    Noted,
    RecallChanged,
    RecommendationAnswered,
    StatusChanged,
    StatusUndelivered,
)
from contracts.words import Lifecycle
from services.chassis.decider import Effect, Emit, IncomingEvent, Put, Reply

from .indicators import TABLE, need_row
from .normalise import NeedEvent, RecallEvent, normalise
from .rank import ranked_attempt
from .state import NeedTimeline
from .status import Sentences, status

_HANDLED: tuple[type[Message], ...] = (
    *get_args(NeedEvent),
    intake.ReferralRefused,
    intake.StatusDue,
    operations.DeliveryFailed,
    matching.ServicesRecommended,
)

_RECALL_STATES: dict[type[Message], Literal["recalled", "overdue", "acknowledged"]] = {
    intake.Recalled: "recalled",
    intake.RecallOverdue: "overdue",
    intake.RecallConfirmed: "acknowledged",
}
"""What agencies read about a recall."""


class OutcomesPolicy:
    """The decisions of outcomes. See `services.chassis.decider.Policy`."""

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {
        model.ce_type(): model for model in (Noted, StatusChanged, StatusUndelivered, RecallChanged)
    }

    def __init__(self, sentences: Sentences) -> None:
        self._sentences = sentences

    def stream(self, event: Message) -> str:
        """The need's id; the referral's if it was refused before it had needs; a recommendation request's own id."""
        match event:
            case intake.ReferralRefused():
                return event.referral_id
            case operations.DeliveryFailed():
                return event.stream
            case matching.ServicesRecommended():
                return event.request_id
        if isinstance(event, intake.StatusDue | NeedEvent):
            return event.need_id
        raise TypeError(f"{type(event).__name__} is not an event that outcomes handles")

    def initial(self, stream: str) -> NeedTimeline:
        """Nothing is known yet."""
        return NeedTimeline()

    def evolve(self, state: NeedTimeline, fact: Message) -> NeedTimeline:
        """The state after a fact. Each event is journaled as one `Noted` or `StatusUndelivered`, which are counted."""
        match fact:
            case Noted():
                return replace(state.join(fact), events=state.events + 1)
            case StatusUndelivered():
                return replace(state.without_status(fact), events=state.events + 1)
            case StatusChanged():
                return state.with_status(fact)
            case _:
                return state

    def decide(self, state: NeedTimeline, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        """What follows from an event."""
        match event.data:
            case intake.ReferralRefused() as refused:
                return [_refuse(refused)]
            case intake.StatusDue() as due:
                return [self._repeat_status(state, due, event.at)]
            case operations.DeliveryFailed() as failed:
                return _note_lost_status(state, failed)
            case matching.ServicesRecommended() as answer:
                return [_recommend(answer)]
        if isinstance(event.data, RecallEvent):
            return [*self._note(state, normalise(event.data, event.at)), _report_recall(event.data)]
        if isinstance(event.data, NeedEvent):
            return self._note(state, normalise(event.data, event.at))
        raise TypeError(f"{type(event.data).__name__} is not an event that outcomes handles")

    def on_id_reuse(self, state: NeedTimeline, event: IncomingEvent) -> Sequence[Effect]:
        """Nobody to inform: only our own services write here, under ids that derive from the content."""
        return []

    def _note(self, state: NeedTimeline, noted: Noted) -> Sequence[Effect]:
        """Journals the event, and reports it to the agency if there is something new to report."""
        after = state.join(noted)
        effects: list[Effect] = [Emit(noted, key=noted.referral_id)]
        report = self._report(state, after, noted)
        if report is not None:
            effects.append(Emit(report, topics.status(report.agency), report.need_id))
            after = after.with_status(report)
        return [*effects, *_update_row(noted.need_id, state, after)]

    def _report(self, before: NeedTimeline, after: NeedTimeline, noted: Noted) -> StatusChanged | None:
        if after.top is not None and _has_news(before, after):
            return status(after.top.noted, after.sub_status, self._sentences)
        if before.top is not None and noted.state is Lifecycle.WITHDRAWN:
            # The withdrawal came too late: the agency reads again how the need ended.
            return status(before.top.noted, None, self._sentences)
        return None

    def _repeat_status(self, state: NeedTimeline, due: intake.StatusDue, at: datetime) -> Reply:
        """The present status. Intake knows the need: if its registration was not read here yet, it is received."""
        if state.top is not None:
            top, sub_status = state.top.noted, state.sub_status
        else:
            need = due.model_dump(include={"referral_id", "need_id", "need", "agency", "reference"})
            top, sub_status = Noted(**need, what="received", state=Lifecycle.RECEIVED, at=at), None
        present = status(top, sub_status, self._sentences)
        return Reply(present, topics.status(present.agency), present.need_id)


def _has_news(before: NeedTimeline, after: NeedTimeline) -> bool:
    """Whether the need ranks higher, or has another sub-status in the same state."""
    if before.top is None or after.top is None:
        return after.top is not None
    if after.top.rank != before.top.rank:
        return after.top.rank > before.top.rank
    return after.sub_status is not None and after.sub_status != before.sub_status


def _update_row(need_id: str, before: NeedTimeline, after: NeedTimeline) -> Sequence[Effect]:
    """Writes the need's row for indicators and loop closure, if it has changed."""
    row = need_row(after)
    return [] if row == need_row(before) else [Put(TABLE, need_id, row, before.events + 1)]


def _note_lost_status(state: NeedTimeline, failed: operations.DeliveryFailed) -> Sequence[Effect]:
    """Journals that a status never reached its agency.

    Without its text the message was too large for its topic, which a status never is.
    """
    if failed.event_type != StatusChanged.ce_type() or not failed.text:
        return []
    lost = StatusChanged.read(failed.text)
    fact = StatusUndelivered(need_id=lost.need_id, state=lost.state, attempt=ranked_attempt(lost), reason=failed.reason)
    return [Emit(fact), *_update_row(lost.need_id, state, state.without_status(fact))]


def _report_recall(event: RecallEvent) -> Emit:
    """Informs the agency about a recall in a message of its own, since the need stays in its state."""
    shared = event.model_dump(include=set(RecallChanged.model_fields))
    report = RecallChanged(**shared, state=_RECALL_STATES[type(event)], since=event.at)
    return Emit(report, topics.status(event.agency), event.need_id)


def _refuse(refused: intake.ReferralRefused) -> Reply:
    refusal = AgencyInputRefused(
        agency=refused.agency,
        reference=refused.reference,
        referral_id=refused.referral_id,
        sent=refused.sent,
        problems=refused.problems,
    )
    return Reply(refusal, topics.status(refused.agency), refused.referral_id)


def _recommend(answer: matching.ServicesRecommended) -> Reply:
    recommendation = RecommendationAnswered(
        agency=answer.agency, reference=answer.reference, request_id=answer.request_id, needs=answer.needs
    )
    return Reply(recommendation, topics.status(answer.agency), answer.request_id)
