"""What outcomes decides: what an agency is told, and when.

A status is published only when the need's rank rises (see `state`), or when something is to be told of where it stands
(`telling.REMARKS`); so an agency never reads "declined" before "matched", in whatever order the topics are read. Every
event is noted all the same: the timeline is a read of the journal, and has what no status told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from contracts import intake, matching, operations, topics
from contracts.base import Message
from contracts.outcomes import AgencyInputRefused, Noted, NotTold, RecallChanged, RecommendationAnswered, StatusChanged
from contracts.words import Lifecycle
from services.chassis.decider import Effect, Emit, IncomingEvent, Put, Reply

from .indicators import TABLE, row
from .normalise import RECALL_STATES, OfNeed, OfRecall, note
from .state import NeedTimeline, round_of
from .status import Sentences, status

_HANDLED: tuple[type[Message], ...] = (
    *get_args(OfNeed),
    intake.ReferralRefused,
    intake.StatusDue,
    operations.DeliveryFailed,
    matching.ServicesRecommended,
)


class OutcomesPolicy:
    """The decisions of outcomes."""

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {
        model.ce_type(): model for model in (Noted, StatusChanged, NotTold, RecallChanged)
    }

    def __init__(self, sentences: Sentences) -> None:
        self._sentences = sentences

    def stream(self, event: Message) -> str:
        """The need's id; for what was refused before it became needs, the referral's; of a question its own."""
        match event:
            case intake.ReferralRefused():
                return event.referral_id
            case intake.StatusDue():
                return event.need_id
            case operations.DeliveryFailed():
                return event.stream
            case matching.ServicesRecommended():
                return event.request_id
        if isinstance(event, OfNeed):
            return event.need_id
        raise TypeError(type(event).__name__)

    def initial(self, stream: str) -> NeedTimeline:
        """Nothing known yet."""
        return NeedTimeline()

    def evolve(self, state: NeedTimeline, fact: Message) -> NeedTimeline:
        """The join with what was noted; and whether it was told. Each event is one `Noted` or `NotTold`: they count."""
        match fact:
            case Noted():
                return replace(state.join(fact), noted=state.noted + 1)
            case StatusChanged():
                return state.tell(fact)
            case NotTold():
                return replace(state.lose(fact), noted=state.noted + 1)
            case _:
                return state

    def decide(self, state: NeedTimeline, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        """What follows from an event."""
        match event.data:
            case intake.ReferralRefused() as refused:
                return [_refusal(refused)]
            case intake.StatusDue() as due:
                return [self._again(state, due, event.at)]
            case operations.DeliveryFailed() as lost:
                return _lost(state, lost)
            case matching.ServicesRecommended() as answer:
                return [_recommendation(answer)]
        if isinstance(event.data, OfRecall):
            told = Emit(_recall(event.data), topics.status(event.data.agency), event.data.need_id)
            return [*self._note(state, note(event.data, event.at)), told]
        if isinstance(event.data, OfNeed):
            return self._note(state, note(event.data, event.at))
        raise TypeError(type(event.data).__name__)

    def on_id_reuse(self, state: NeedTimeline, event: IncomingEvent) -> Sequence[Effect]:
        """Only our own services write here, under ids derived from the content: nobody to answer."""
        return []

    def _note(self, state: NeedTimeline, noted: Noted) -> Sequence[Effect]:
        after = state.join(noted)
        effects: list[Effect] = [Emit(noted, key=noted.referral_id)]
        told: StatusChanged | None = None
        if after.top is not None and _rises(state, after):
            told = self._status(after.top.noted, after.remark)
        elif state.top is not None and noted.state is Lifecycle.WITHDRAWN:
            told = self._status(state.top.noted, None)  # it came too late: the agency is told what came of the need
        if told is not None:
            effects.append(_told(told))
            after = after.tell(told)
        return [*effects, *_row(noted.need_id, state, after)]

    def _again(self, state: NeedTimeline, due: intake.StatusDue, at: datetime) -> Reply:
        """The status once more. Intake knows the need; where its acceptance is not read here yet, it is received."""
        if state.top is not None:
            told = self._status(state.top.noted, state.remark)
        else:
            of_need = due.model_dump(include={"referral_id", "need_id", "need", "agency", "reference"})
            told = self._status(Noted(**of_need, what="received", state=Lifecycle.RECEIVED, at=at), None)
        return Reply(told, topics.status(told.agency), told.need_id)

    def _status(self, top: Noted, remark: Noted | None) -> StatusChanged:
        return status(top, remark, self._sentences)


def _rises(before: NeedTimeline, after: NeedTimeline) -> bool:
    """Whether there is something new to tell: the need stands higher, or more was said of where it stands."""
    if before.top is None or after.top is None:
        return after.top is not None
    if after.top.rank != before.top.rank:
        return after.top.rank > before.top.rank
    return after.remark is not None and after.remark != before.remark


def _row(need_id: str, before: NeedTimeline, after: NeedTimeline) -> Sequence[Effect]:
    """The need's row for the indicators, where it has changed."""
    return [] if row(after) == row(before) else [Put(TABLE, need_id, row(after), before.noted + 1)]


def _lost(state: NeedTimeline, lost: operations.DeliveryFailed) -> Sequence[Effect]:
    """A status that never arrived is not told. (Without its text, it was too large for its topic; no status is.)"""
    if lost.event_type != StatusChanged.ce_type() or not lost.text:
        return []
    sent = StatusChanged.read(lost.text)
    fact = NotTold(need_id=sent.need_id, state=sent.state, attempt=round_of(sent), reason=lost.reason)
    return [Emit(fact), *_row(sent.need_id, state, state.lose(fact))]


def _recall(event: OfRecall) -> RecallChanged:
    """What the agency is told of a recall, in words of its own: the need stands where it stood."""
    shared = event.model_dump(include=set(RecallChanged.model_fields))
    return RecallChanged(**shared, state=RECALL_STATES[type(event)], since=event.at)


def _told(event: StatusChanged) -> Emit:
    return Emit(event, topics.status(event.agency), event.need_id)


def _refusal(refused: intake.ReferralRefused) -> Reply:
    told = AgencyInputRefused(
        agency=refused.agency,
        reference=refused.reference,
        referral_id=refused.referral_id,
        sent=refused.sent,
        problems=refused.problems,
    )
    return Reply(told, topics.status(refused.agency), refused.referral_id)


def _recommendation(answer: matching.ServicesRecommended) -> Reply:
    told = RecommendationAnswered(
        agency=answer.agency, reference=answer.reference, request_id=answer.request_id, needs=answer.needs
    )
    return Reply(told, topics.status(answer.agency), answer.request_id)
