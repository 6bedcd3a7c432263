"""What an agency reads: what happened, since when, what comes next and by when. Two tables and one pure function.

A new event that brings a state needs a row in `NEXT_STEP`. One that leaves the need in its state, and is reported all
the same, needs a row in `SUB_STATUSES`. Tests check that both tables are complete and that each row has its texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.outcomes import Noted, StatusChanged
from contracts.words import Happening, Lifecycle, NextStep


class Sentences(Protocol):
    """Puts a status into words: `contracts.texts.sentences`. It reads files, so it is passed in."""

    def __call__(self, what: str, *, code: str | None, step: NextStep, by: datetime | None) -> dict[str, str]:
        """What happened, why, what comes next and by when, by language."""
        ...


NEXT_STEP: Mapping[str, NextStep] = {
    Lifecycle.RECEIVED: NextStep.SYSTEM_MATCHES,
    Lifecycle.ACCEPTED: NextStep.SYSTEM_MATCHES,
    Lifecycle.MATCHED: NextStep.SYSTEM_OFFERS,
    Lifecycle.OFFERED: NextStep.PROVIDER_ACKNOWLEDGES,
    Lifecycle.ACKNOWLEDGED: NextStep.PROVIDER_DECIDES,
    Lifecycle.ACCEPTED_BY_PROVIDER: NextStep.PROVIDER_STARTS,
    Lifecycle.APPOINTED: NextStep.PERSON_ATTENDS,
    Lifecycle.NO_SHOW: NextStep.PROVIDER_STARTS,
    Lifecycle.IN_PROGRESS: NextStep.PROVIDER_CLOSES,
    Lifecycle.DECLINED: NextStep.SYSTEM_MATCHES,
    Lifecycle.EXPIRED: NextStep.SYSTEM_MATCHES,
    Lifecycle.REVOKED: NextStep.SYSTEM_MATCHES,
    Lifecycle.ON_HOLD: NextStep.AGENCY_SENDS_DOCUMENTS,
    Lifecycle.WAITING: NextStep.PLACE_NEEDED,
}
"""Who must do what in an open state. After an end nobody must do anything."""

NEXT_STEP_BY_CODE: Mapping[tuple[str, str | None], NextStep] = {
    (Lifecycle.WAITING, "already-served"): NextStep.OTHER_REFERRAL_ENDS,
}
"""The exceptions: open states in which the reason decides the next step."""

_UNDECIDED = frozenset({Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED})
_ACCEPTED = frozenset({Lifecycle.ACCEPTED_BY_PROVIDER, Lifecycle.APPOINTED, Lifecycle.NO_SHOW, Lifecycle.IN_PROGRESS})
_ANY_OPEN = frozenset(NEXT_STEP)


@dataclass(frozen=True, slots=True)
class SubStatus:
    """Something that leaves a need in its state: the next step (None: that of the state), and when it is reported.

    `within` are the states in which it is reported.
    """

    next: NextStep | None
    within: frozenset[str]


SUB_STATUSES: Mapping[str, SubStatus] = {
    Happening.REMINDED: SubStatus(NextStep.PROVIDER_DECIDES, frozenset({Lifecycle.OFFERED})),
    Happening.OVERDUE: SubStatus(None, _UNDECIDED | _ACCEPTED),
    Happening.ESCALATED: SubStatus(NextStep.OPERATOR_STEPS_IN, _UNDECIDED | _ACCEPTED),
    Happening.CHECKED_IN: SubStatus(None, _UNDECIDED | _ACCEPTED),
    Happening.APPOINTMENT_MOVED: SubStatus(NextStep.PERSON_ATTENDS, _ACCEPTED),
    Happening.RECALLED: SubStatus(NextStep.PROVIDER_DELETES, _ANY_OPEN),
    Happening.RECALL_OVERDUE: SubStatus(NextStep.PROVIDER_DELETES, _ANY_OPEN),
    Happening.RECALL_ACKNOWLEDGED: SubStatus(None, _ANY_OPEN),
}
"""By `Noted.what`."""


def next_step(top: Noted, sub_status: Noted | None = None) -> tuple[NextStep, datetime | None]:
    """Who must do what, and by when if there is such a time.

    `top` is the event that brought the state. It can be a sub-status as well, such as overdue.
    """
    state = _state(top)
    of_state = NextStep.NOTHING if state.ended else NEXT_STEP_BY_CODE.get((state, top.code)) or NEXT_STEP[state]
    row = None if state.ended else SUB_STATUSES.get((sub_status or top).what)
    step = (row and row.next) or of_state
    if sub_status is None:
        return step, top.next_by
    if sub_status.next_by is not None:
        return step, sub_status.next_by
    return step, {NextStep.PROVIDER_DECIDES: top.decide_by, of_state: top.next_by}.get(step)


def status(top: Noted, sub_status: Noted | None, sentences: Sentences) -> StatusChanged:
    """What the agency reads. It depends only on the event that brought the state and the latest sub-status.

    So it is the same in whatever order events were read.
    """
    state = _state(top)
    last = sub_status or top
    step, by = next_step(top, sub_status)
    what = last.what if last.what in SUB_STATUSES and not state.ended else state.value
    return StatusChanged(
        agency=top.agency,
        reference=top.reference,
        referral_id=top.referral_id,
        need=top.need,
        need_id=top.need_id,
        state=state,
        fhir_status=state.fhir,
        since=top.at,
        attempt=top.attempt,
        provider=top.provider,
        service=top.service,
        provider_reference=last.provider_reference or top.provider_reference,
        code=last.code,
        next_by=by,
        funnel=top.funnel,
        missing=top.missing,
        broadcast=top.broadcast,
        needs_assessment=top.needs_assessment,
        appointment_at=top.appointment_at,
        overdue=top.overdue,
        escalated=top.escalated,
        turn=top.turn,
        what=what,
        at=last.at,
        next=step,
        decide_by=top.decide_by,
        texts=sentences(what, code=last.code, step=step, by=by),
    )


def _state(top: Noted) -> Lifecycle:
    return top.state or Lifecycle.RECEIVED
