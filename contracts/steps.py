"""What each decline leads to, and each failure after acceptance. Matching acts by it; who tells of one can say it."""

from enum import StrEnum

from .words import DeclineCode, NotDeliveredCode


class Step(StrEnum):
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


_NOT_DELIVERED = {
    NotDeliveredCode.LACK_OF_RESOURCES: Step.WAIT,  # the provider can't, so somebody else may
    NotDeliveredCode.COULD_NOT_CONTACT: Step.CLOSE,
    NotDeliveredCode.NO_SHOW: Step.CLOSE,
    NotDeliveredCode.MOVED_AWAY: Step.CLOSE,
    NotDeliveredCode.NO_LONGER_NEEDED: Step.CLOSE,
    NotDeliveredCode.OTHER: Step.CLOSE,
}


def next_step(code: DeclineCode | NotDeliveredCode) -> Step:
    """What follows for the need, and for the service."""
    # Codes are strings, and some of both kinds are the same string: so there are two tables.
    return _DECLINED[code] if isinstance(code, DeclineCode) else _NOT_DELIVERED[code]
