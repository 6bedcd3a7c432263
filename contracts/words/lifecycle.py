"""The states of a need, what happens to it, and what comes next."""

from enum import StrEnum


class Lifecycle(StrEnum):
    """The states of a need as its agency sees them. `fhir` is the FHIR Task status (SDOH Clinical Care)."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MATCHED = "matched"
    OFFERED = "offered"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED_BY_PROVIDER = "taken-up"
    APPOINTED = "appointed"
    NO_SHOW = "no-show"
    IN_PROGRESS = "in-progress"
    DELIVERED = "delivered"
    PARTLY_DELIVERED = "partly-delivered"
    NOT_DELIVERED = "not-delivered"
    DECLINED = "declined"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ON_HOLD = "on-hold"
    WAITING = "waiting"
    UNMET = "unmet"
    WITHDRAWN = "withdrawn"

    @property
    def fhir(self) -> str:
        """The FHIR R4 Task.status this state maps to."""
        return _FHIR[self]

    @property
    def ended(self) -> bool:
        """Whether the need has ended. The end of an attempt is not the end of its need."""
        return self in _ENDS


_ENDS = frozenset(
    {
        Lifecycle.REJECTED,
        Lifecycle.DELIVERED,
        Lifecycle.PARTLY_DELIVERED,
        Lifecycle.NOT_DELIVERED,
        Lifecycle.UNMET,
        Lifecycle.WITHDRAWN,
    }
)


_FHIR = {
    Lifecycle.RECEIVED: "requested",
    Lifecycle.ACCEPTED: "received",
    Lifecycle.REJECTED: "rejected",
    Lifecycle.MATCHED: "ready",
    Lifecycle.OFFERED: "ready",
    Lifecycle.ACKNOWLEDGED: "ready",
    Lifecycle.ACCEPTED_BY_PROVIDER: "accepted",
    Lifecycle.APPOINTED: "accepted",
    Lifecycle.NO_SHOW: "accepted",
    Lifecycle.IN_PROGRESS: "in-progress",
    Lifecycle.DELIVERED: "completed",
    Lifecycle.PARTLY_DELIVERED: "completed",
    Lifecycle.NOT_DELIVERED: "failed",
    Lifecycle.DECLINED: "on-hold",
    Lifecycle.EXPIRED: "on-hold",
    Lifecycle.REVOKED: "on-hold",
    Lifecycle.ON_HOLD: "on-hold",
    Lifecycle.WAITING: "on-hold",
    Lifecycle.UNMET: "failed",
    Lifecycle.WITHDRAWN: "cancelled",
}


class Happening(StrEnum):
    """What can happen to a need without changing its state. Its agency is notified all the same."""

    REMINDED = "reminded"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    CHECKED_IN = "checked-in"
    APPOINTMENT_MOVED = "appointment-moved"
    RECALLED = "recalled"
    RECALL_OVERDUE = "recall-overdue"
    RECALL_ACKNOWLEDGED = "recall-acknowledged"


class NextStep(StrEnum):
    """What comes next for a need: who has to do what. ``nothing``: the need has ended."""

    SYSTEM_MATCHES = "system-matches"
    SYSTEM_OFFERS = "system-offers"
    PROVIDER_ACKNOWLEDGES = "provider-acknowledges"
    PROVIDER_DECIDES = "provider-decides"
    PROVIDER_STARTS = "provider-starts"
    PROVIDER_CLOSES = "provider-closes"
    PROVIDER_DELETES = "provider-deletes"
    PERSON_ATTENDS = "person-attends"
    PLACE_NEEDED = "place-needed"
    AGENCY_SENDS_DOCUMENTS = "agency-sends-documents"
    OTHER_REFERRAL_ENDS = "other-referral-ends"
    OPERATOR_STEPS_IN = "operator-steps-in"
    NOTHING = "nothing"
