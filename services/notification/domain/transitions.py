"""What may happen to an offer: the answers that are allowed in each state, the clocks that run, and their steps."""

from enum import StrEnum

from contracts.words import Answer, DeadlineKind, Lifecycle

_OUTCOMES: dict[Answer, Lifecycle] = {
    Answer.DELIVERED: Lifecycle.DELIVERED,
    Answer.PARTLY_DELIVERED: Lifecycle.PARTLY_DELIVERED,
    Answer.NOT_DELIVERED: Lifecycle.NOT_DELIVERED,
}

NEXT: dict[Lifecycle, dict[Answer, Lifecycle]] = {
    Lifecycle.OFFERED: {
        Answer.ACKNOWLEDGED: Lifecycle.ACKNOWLEDGED,
        Answer.ACCEPTED: Lifecycle.ACCEPTED_BY_PROVIDER,
        Answer.DECLINED: Lifecycle.DECLINED,
    },
    Lifecycle.ACKNOWLEDGED: {
        Answer.ACCEPTED: Lifecycle.ACCEPTED_BY_PROVIDER,
        Answer.DECLINED: Lifecycle.DECLINED,
        Answer.CHECK_IN: Lifecycle.ACKNOWLEDGED,
    },
    Lifecycle.ACCEPTED_BY_PROVIDER: {
        Answer.APPOINTMENT_PROPOSED: Lifecycle.APPOINTED,
        Answer.IN_PROGRESS: Lifecycle.IN_PROGRESS,
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.ACCEPTED_BY_PROVIDER,
    },
    Lifecycle.APPOINTED: {
        Answer.APPOINTMENT_KEPT: Lifecycle.IN_PROGRESS,
        Answer.APPOINTMENT_MOVED: Lifecycle.APPOINTED,
        Answer.NO_SHOW: Lifecycle.NO_SHOW,
        Answer.IN_PROGRESS: Lifecycle.IN_PROGRESS,
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.APPOINTED,
    },
    Lifecycle.NO_SHOW: {
        Answer.APPOINTMENT_PROPOSED: Lifecycle.APPOINTED,
        Answer.IN_PROGRESS: Lifecycle.IN_PROGRESS,
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.NO_SHOW,
    },
    Lifecycle.IN_PROGRESS: {
        **_OUTCOMES,
        Answer.CHECK_IN: Lifecycle.IN_PROGRESS,
    },
}
"""The answers that are allowed in a state, and the state each leads to. In a state that is missing the offer has ended.

The number of check-ins is limited: see `answers.allowed`. What becomes of the *need* after a decline is not decided
here but by matching, from `contracts.steps`.
"""

HELPED = frozenset({Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED})
"""The ends of an offer that end its need as well."""

CLOCKS: dict[Lifecycle, tuple[DeadlineKind, ...]] = {
    Lifecycle.OFFERED: (DeadlineKind.ACKNOWLEDGE, DeadlineKind.DECIDE),
    Lifecycle.ACKNOWLEDGED: (DeadlineKind.DECIDE,),
    Lifecycle.ACCEPTED_BY_PROVIDER: (DeadlineKind.START,),
    Lifecycle.APPOINTED: (DeadlineKind.START,),
    Lifecycle.NO_SHOW: (DeadlineKind.START,),
    Lifecycle.IN_PROGRESS: (DeadlineKind.CLOSE,),
}
"""The clocks that run in a state."""


class DeadlineStep(StrEnum):
    """What happens as a clock runs out, in this order."""

    REMIND = "remind"
    OVERDUE = "overdue"
    ESCALATE = "escalate"
    EXPIRE = "expire"


EXPIRE_TIMER = "expire"
"""The timer that ends an offer nobody has decided."""


def timer_name(clock: DeadlineKind, step: DeadlineStep) -> str:
    """The name of a step's timer, and of the step in `Deadlines.done`."""
    return f"{clock.value}-{step.value}"
