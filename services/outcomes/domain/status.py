"""What an agency is told: what happened, since when, what comes next and by when. Two tables and one pure function.

A new event that brings a state needs a row in `NEXT_OF`; one that leaves the need where it is, and is told all the
same, a row in `REMARKS`. A test looks that neither lacks one, and another that each has its texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.outcomes import Noted, StatusChanged
from contracts.words import Happening, Lifecycle, NextStep


class Sentences(Protocol):
    """Says a status in words: `contracts.texts.sentences`. It reads files, so it is passed in."""

    def __call__(self, what: str, *, code: str | None, step: NextStep, by: datetime | None) -> dict[str, str]:
        """What happened, why, what comes next and by when, by language."""
        ...


NEXT_OF: Mapping[str, NextStep] = {
    Lifecycle.RECEIVED: NextStep.SYSTEM_MATCHES,
    Lifecycle.ACCEPTED: NextStep.SYSTEM_MATCHES,
    Lifecycle.MATCHED: NextStep.SYSTEM_OFFERS,
    Lifecycle.OFFERED: NextStep.PROVIDER_ACKNOWLEDGES,
    Lifecycle.ACKNOWLEDGED: NextStep.PROVIDER_DECIDES,
    Lifecycle.ACCEPTED_BY_PROVIDER: NextStep.PROVIDER_STARTS,
    Lifecycle.IN_PROGRESS: NextStep.PROVIDER_CLOSES,
    Lifecycle.DECLINED: NextStep.SYSTEM_MATCHES,
    Lifecycle.EXPIRED: NextStep.SYSTEM_MATCHES,
    Lifecycle.REVOKED: NextStep.SYSTEM_MATCHES,
    Lifecycle.WAITING: NextStep.PLACE_NEEDED,
    "appointed": NextStep.PERSON_ATTENDS,
    "no-show": NextStep.PROVIDER_STARTS,
    "on-hold": NextStep.AGENCY_SENDS_DOCUMENTS,
}
"""Who has to do what in an open state; after an end it is nothing."""

NEXT_OF_CODE: Mapping[tuple[str, str | None], NextStep] = {
    (Lifecycle.WAITING, "already-served"): NextStep.OTHER_REFERRAL_ENDS,
}
"""Where the reason of an open state makes a difference."""

_UNDECIDED = frozenset({Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED})
_TAKEN_UP = frozenset({Lifecycle.ACCEPTED_BY_PROVIDER, "appointed", "no-show", Lifecycle.IN_PROGRESS})
_ANY = frozenset({*NEXT_OF})


@dataclass(frozen=True, slots=True)
class Remark:
    """Of what leaves a need in its state: what comes next (None: what the state has), and the states it is told in."""

    next: NextStep | None
    within: frozenset[str]


REMARKS: Mapping[str, Remark] = {
    Happening.REMINDED: Remark(NextStep.PROVIDER_DECIDES, frozenset({Lifecycle.OFFERED})),
    Happening.OVERDUE: Remark(None, _UNDECIDED | _TAKEN_UP),
    Happening.ESCALATED: Remark(NextStep.OPERATOR_STEPS_IN, _UNDECIDED | _TAKEN_UP),
    Happening.CHECKED_IN: Remark(None, _UNDECIDED | _TAKEN_UP),
    Happening.APPOINTMENT_MOVED: Remark(NextStep.PERSON_ATTENDS, _TAKEN_UP),
    Happening.RECALLED: Remark(NextStep.PROVIDER_DELETES, _ANY),
    Happening.RECALL_OVERDUE: Remark(NextStep.PROVIDER_DELETES, _ANY),
    Happening.RECALL_ACKNOWLEDGED: Remark(None, _ANY),
}
"""By what `Noted` calls it."""


def next_step(top: Noted, remark: Noted | None = None) -> tuple[NextStep, datetime | None]:
    """Who has to do what, and by when, where there is such a time. A remark may also be what brought the state."""
    state = _state(top)
    of_state = NextStep.NOTHING if state.ended else NEXT_OF_CODE.get((state, top.code)) or NEXT_OF[state]
    said = None if state.ended else REMARKS.get((remark or top).what)
    step = (said and said.next) or of_state
    if remark is None:
        return step, top.next_by
    by = {NextStep.PROVIDER_DECIDES: top.decide_by, of_state: top.next_by}.get(step)
    return step, remark.next_by or by


def status(top: Noted, remark: Noted | None, sentences: Sentences) -> StatusChanged:
    """What the agency is told: a function of the event that brought the state, of what was remarked since, and no more.

    So it is the same in whatever order the events were read.
    """
    state = _state(top)
    last = remark or top
    step, by = next_step(top, remark)
    what = last.what if last.what in REMARKS and not state.ended else state.value
    code = last.code
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
        code=code,
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
        texts=sentences(what, code=code, step=step, by=by),
    )


def _state(top: Noted) -> Lifecycle:
    return top.state or Lifecycle.RECEIVED
