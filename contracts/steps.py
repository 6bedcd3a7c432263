"""What each decline leads to. The one table of it; matching acts by it, and whoever tells of a decline can say it."""

from enum import StrEnum

from .words import DeclineCode


class Step(StrEnum):
    """What follows a decline.

    ``re-route``: the next service at once, the waiting list where there is none. ``wait``: the need takes its turn on
    the waiting list again. ``ask-agency``: the need is on hold until its agency has corrected the referral.
    ``service-full``: as re-route, and nobody is matched with the service until its provider publishes a newer entry.
    ``close``: the need has ended.
    """

    RE_ROUTE = "re-route"
    WAIT = "wait"
    ASK_AGENCY = "ask-agency"
    SERVICE_FULL = "service-full"
    CLOSE = "close"


_STEPS = {
    DeclineCode.NOT_ELIGIBLE: Step.RE_ROUTE,
    DeclineCode.UNSAFE: Step.RE_ROUTE,
    DeclineCode.CONFLICT_OF_INTEREST: Step.RE_ROUTE,
    DeclineCode.OUT_OF_AREA: Step.RE_ROUTE,
    DeclineCode.PERSON_DECLINED: Step.RE_ROUTE,  # this service, not the help: that would be "no longer needed"
    DeclineCode.NO_CAPACITY: Step.SERVICE_FULL,
    DeclineCode.LACK_OF_RESOURCES: Step.WAIT,
    DeclineCode.MISSING_DOCUMENTS: Step.ASK_AGENCY,
    DeclineCode.NO_LONGER_NEEDED: Step.CLOSE,
    DeclineCode.OTHER: Step.RE_ROUTE,
}


def next_step(code: DeclineCode) -> Step:
    """What follows for the need, and for the service."""
    return _STEPS[code]
