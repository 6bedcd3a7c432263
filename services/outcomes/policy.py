"""What outcomes decides: what an agency is told, and when.

A status is published only when the need's rank rises (see `state`), so an agency never reads "declined" before
"matched", in whatever order the topics are read. Every event is noted all the same: the timeline is a read of the
journal, and has what no status told.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from contracts import intake, matching, topics
from contracts.base import Message
from contracts.outcomes import InputRefused, Noted, Recommended, StatusChanged
from contracts.words import Lifecycle
from services.chassis.decider import Arrived, Effect, Emit, Put, Reply

from .indicators import TABLE, row
from .notes import OfNeed, note
from .state import Standing

_HANDLED: tuple[type[Message], ...] = (
    *get_args(OfNeed),
    intake.Refused,
    intake.StatusDue,
    matching.Recommended,
)


class OutcomesPolicy:
    """The decisions of outcomes."""

    handles: Mapping[str, type[Message]] = {model.ce_type(): model for model in _HANDLED}
    facts: Mapping[str, type[Message]] = {model.ce_type(): model for model in (Noted, StatusChanged)}

    def stream(self, event: Message) -> str:
        """The need's id; for what was refused before it became needs, the referral's; of a question its own."""
        match event:
            case intake.Refused():
                return event.referral_id
            case intake.StatusDue():
                return event.need_id
            case matching.Recommended():
                return event.request_id
        if isinstance(event, OfNeed):
            return event.need_id
        raise TypeError(type(event).__name__)

    def initial(self, stream: str) -> Standing:
        """Nothing known yet."""
        return Standing()

    def evolve(self, state: Standing, fact: Message) -> Standing:
        """The join with what was noted. What was told changes nothing."""
        return state.join(fact) if isinstance(fact, Noted) else state

    def decide(self, state: Standing, event: Arrived, now: datetime, given: Any) -> Sequence[Effect]:
        """What follows from an event."""
        match event.data:
            case intake.Refused() as refused:
                return [_refusal(refused)]
            case intake.StatusDue() as due:
                return [_again(state, due, event.at)]
            case matching.Recommended() as answer:
                return [_recommendation(answer)]
        if isinstance(event.data, OfNeed):
            return _note(state, note(event.data, event.at))
        raise TypeError(type(event.data).__name__)

    def collide(self, state: Standing, event: Arrived) -> Sequence[Effect]:
        """Only our own services write here, under ids derived from the content: nobody to answer."""
        return []


def _note(state: Standing, noted: Noted) -> Sequence[Effect]:
    after = state.join(noted)
    effects: list[Effect] = [Emit(noted, key=noted.referral_id)]
    before, top = state.top, after.top
    if top is not None and (before is None or top.rank > before.rank):
        effects.append(_told(status(noted)))
    elif before is not None and noted.state is Lifecycle.WITHDRAWN:
        effects.append(_told(status(before.noted)))  # it came too late: the agency is told what came of the need
    if row(after) != row(state):
        effects.append(Put(TABLE, noted.need_id, row(after)))
    return effects


def _told(event: StatusChanged) -> Emit:
    return Emit(event, topics.status(event.agency), event.need_id)


def status(noted: Noted) -> StatusChanged:
    """What the agency is told of a state: a function of the event that brought it, and of nothing else."""
    state = noted.state or Lifecycle.RECEIVED
    return StatusChanged(
        agency=noted.agency,
        reference=noted.reference,
        referral_id=noted.referral_id,
        need=noted.need,
        need_id=noted.need_id,
        state=state,
        fhir_status=state.fhir,
        since=noted.at,
        attempt=noted.attempt,
        provider=noted.provider,
        service=noted.service,
        provider_reference=noted.provider_reference,
        code=noted.code,
        missing=noted.missing,
        broadcast=noted.broadcast,
        next_by=noted.next_by,
        funnel=noted.funnel,
        needs_assessment=noted.needs_assessment,
    )


def _again(state: Standing, due: intake.StatusDue, at: datetime) -> Reply:
    """The status once more. Intake knows the need; where its acceptance is not read here yet, it is received."""
    if state.top is not None:
        told = status(state.top.noted)
    else:
        of_need = due.model_dump(include={"referral_id", "need_id", "need", "agency", "reference"})
        told = status(Noted(**of_need, what="received", state=Lifecycle.RECEIVED, at=at))
    return Reply(told, topics.status(told.agency), told.need_id)


def _refusal(refused: intake.Refused) -> Reply:
    told = InputRefused(
        agency=refused.agency,
        reference=refused.reference,
        referral_id=refused.referral_id,
        sent=refused.sent,
        problems=refused.problems,
    )
    return Reply(told, topics.status(refused.agency), refused.referral_id)


def _recommendation(answer: matching.Recommended) -> Reply:
    told = Recommended(
        agency=answer.agency, reference=answer.reference, request_id=answer.request_id, needs=answer.needs
    )
    return Reply(told, topics.status(answer.agency), answer.request_id)
