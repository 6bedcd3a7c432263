"""What each decline code leads to, and each failure after acceptance. Matching acts on it, outcomes reports it."""

from enum import StrEnum

from .words import DeclineCode, NotDeliveredCode


class DeclineStep(StrEnum):
    """What follows a failed attempt.

    ``re-route``: the need goes to the next service at once, or to the waiting queue if there is none. ``wait``: the
    need returns to the waiting queue. ``ask-agency``: the need is on hold until its agency has corrected the
    referral. ``service-full``: like re-route, and nothing is matched with the service until its provider publishes a
    newer entry. ``close``: the need has ended.
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
    DeclineCode.PERSON_DECLINED: DeclineStep.RE_ROUTE,  # of this service, not of help: that would be "no longer needed"
    DeclineCode.NO_CAPACITY: DeclineStep.SERVICE_FULL,
    DeclineCode.LACK_OF_RESOURCES: DeclineStep.WAIT,
    DeclineCode.MISSING_DOCUMENTS: DeclineStep.ASK_AGENCY,
    DeclineCode.NO_LONGER_NEEDED: DeclineStep.CLOSE,
    DeclineCode.OTHER: DeclineStep.RE_ROUTE,
}


_NOT_DELIVERED = {
    NotDeliveredCode.LACK_OF_RESOURCES: DeclineStep.WAIT,  # another provider may have the resources
    NotDeliveredCode.COULD_NOT_CONTACT: DeclineStep.CLOSE,
    NotDeliveredCode.NO_SHOW: DeclineStep.CLOSE,
    NotDeliveredCode.MOVED_AWAY: DeclineStep.CLOSE,
    NotDeliveredCode.NO_LONGER_NEEDED: DeclineStep.CLOSE,
    NotDeliveredCode.OTHER: DeclineStep.CLOSE,
}


def next_step(code: DeclineCode | NotDeliveredCode) -> DeclineStep:
    """The next step for the need, and for the service."""
    # Some codes of both kinds are equal strings, so one table would mix them up.
    return _DECLINED[code] if isinstance(code, DeclineCode) else _NOT_DELIVERED[code]
