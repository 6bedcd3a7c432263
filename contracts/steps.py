"""What each decline leads to, and each failure after acceptance. Matching acts by it; who tells of one can say it."""

from enum import StrEnum

from .words import DeclineCode, NotDeliveredCode


class DeclineStep(StrEnum):
    """What follows an attempt that has failed.

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


_DECLINED = {
    DeclineCode.NOT_ELIGIBLE: DeclineStep.RE_ROUTE,
    DeclineCode.UNSAFE: DeclineStep.RE_ROUTE,
    DeclineCode.CONFLICT_OF_INTEREST: DeclineStep.RE_ROUTE,
    DeclineCode.OUT_OF_AREA: DeclineStep.RE_ROUTE,
    DeclineCode.PERSON_DECLINED: DeclineStep.RE_ROUTE,  # this service, not the help: that would be "no longer needed"
    DeclineCode.NO_CAPACITY: DeclineStep.SERVICE_FULL,
    DeclineCode.LACK_OF_RESOURCES: DeclineStep.WAIT,
    DeclineCode.MISSING_DOCUMENTS: DeclineStep.ASK_AGENCY,
    DeclineCode.NO_LONGER_NEEDED: DeclineStep.CLOSE,
    DeclineCode.OTHER: DeclineStep.RE_ROUTE,
}


_NOT_DELIVERED = {
    NotDeliveredCode.LACK_OF_RESOURCES: DeclineStep.WAIT,  # the provider can't, so somebody else may
    NotDeliveredCode.COULD_NOT_CONTACT: DeclineStep.CLOSE,
    NotDeliveredCode.NO_SHOW: DeclineStep.CLOSE,
    NotDeliveredCode.MOVED_AWAY: DeclineStep.CLOSE,
    NotDeliveredCode.NO_LONGER_NEEDED: DeclineStep.CLOSE,
    NotDeliveredCode.OTHER: DeclineStep.CLOSE,
}


def next_step(code: DeclineCode | NotDeliveredCode) -> DeclineStep:
    """What follows for the need, and for the service."""
    # Codes are strings, and some of both kinds are the same string: so there are two tables.
    return _DECLINED[code] if isinstance(code, DeclineCode) else _NOT_DELIVERED[code]
