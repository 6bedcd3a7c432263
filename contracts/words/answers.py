"""How providers answer offers, and what deadlines they have."""

from enum import StrEnum


class Answer(StrEnum):
    """A provider's answers to an offer. ``check-in``: the provider is working on it and needs more time.

    Appointments follow BSeR's businessStatus: proposed and moved are 5.1.1 (scheduled), no-show is 5.1.2 (unattended),
    kept is 5.1.4 (completed).
    """

    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CHECK_IN = "check-in"
    APPOINTMENT_PROPOSED = "appointment-proposed"
    APPOINTMENT_MOVED = "appointment-moved"
    APPOINTMENT_KEPT = "appointment-kept"
    NO_SHOW = "no-show"
    IN_PROGRESS = "in-progress"
    DELIVERED = "delivered"
    PARTLY_DELIVERED = "partly-delivered"
    NOT_DELIVERED = "not-delivered"


class DeadlineKind(StrEnum):
    """What a deadline is for: to acknowledge an offer, to decide it, to start help, to report how it ended."""

    ACKNOWLEDGE = "acknowledge"
    DECIDE = "decide"
    START = "start"
    CLOSE = "close"


class ExpiryCode(StrEnum):
    """Why an offer has expired, if it was decided. ``not-started``: it was accepted, but help did not begin."""

    NOT_STARTED = "not-started"


class DeclineCode(StrEnum):
    """Why an offer is declined. Codes up to ``person-declined`` rule the service out for this need for good."""

    NOT_ELIGIBLE = "not-eligible"
    UNSAFE = "unsafe"
    CONFLICT_OF_INTEREST = "conflict-of-interest"
    OUT_OF_AREA = "out-of-area"
    PERSON_DECLINED = "person-declined"
    NO_CAPACITY = "no-capacity"
    LACK_OF_RESOURCES = "lack-of-resources"
    MISSING_DOCUMENTS = "missing-documents"
    NO_LONGER_NEEDED = "no-longer-needed"
    OTHER = "other"

    @property
    def for_good(self) -> bool:
        """Whether the service is never offered this need again."""
        return self in _FOR_GOOD


_FOR_GOOD = frozenset(
    {
        DeclineCode.NOT_ELIGIBLE,
        DeclineCode.UNSAFE,
        DeclineCode.CONFLICT_OF_INTEREST,
        DeclineCode.OUT_OF_AREA,
        DeclineCode.PERSON_DECLINED,
    }
)


class NotDeliveredCode(StrEnum):
    """Why an accepted service was not delivered (findhelp, BSeR 5.1.2)."""

    COULD_NOT_CONTACT = "could-not-contact"
    NO_SHOW = "no-show"
    MOVED_AWAY = "moved-away"
    NO_LONGER_NEEDED = "no-longer-needed"
    LACK_OF_RESOURCES = "lack-of-resources"
    OTHER = "other"


class AnswerFault(StrEnum):
    """Why an answer changed nothing.

    ``unknown-offer``: this provider has no such offer. ``late``: the attempt has ended. ``repeated``: the same answer
    was given before. ``not-allowed``: it is not possible in the offer's state. ``too-often``: no more check-ins are
    possible. ``event-id-reused``: one id was used for two different answers; the first one counts.
    """

    UNKNOWN_OFFER = "unknown-offer"
    LATE = "late"
    REPEATED = "repeated"
    NOT_ALLOWED = "not-allowed"
    TOO_OFTEN = "too-often"
    EVENT_ID_REUSED = "event-id-reused"


class DecidedBy(StrEnum):
    """Who made the decision (Clarity HMIS: provider or client)."""

    PROVIDER = "provider"
    PERSON = "person"
