"""What a service says of itself, and what becomes of that by time alone."""

from enum import StrEnum


class CapacityUnit(StrEnum):
    """What a place of a service is (HSDS 3.1 ``unit``). One person takes one, whatever it is."""

    PLACES = "places"
    BEDS = "beds"
    ROOMS = "rooms"
    SLOTS = "slots"
    APPOINTMENTS = "appointments"
    CASES = "cases"
    PARCELS = "parcels"


class Document(StrEnum):
    """What may be missing before a service can take a person (HSDS required documents), as kinds, never as content."""

    IDENTITY = "identity"
    BIRTH_CERTIFICATE = "birth-certificate"
    RESIDENCE = "residence"
    MEDICAL_RECORD = "medical-record"
    GUARDIAN_CONSENT = "guardian-consent"
    PROOF_OF_INCOME = "proof-of-income"
    REFERRAL_LETTER = "referral-letter"
    OTHER = "other"


class Fluency(StrEnum):
    """How well a service speaks a language."""

    BASIC = "basic"
    FLUENT = "fluent"
    NATIVE = "native"


class IntakeMethod(StrEnum):
    """How one gets into a service."""

    WALK_IN = "walk-in"
    APPOINTMENT = "appointment"
    REFERRAL_ONLY = "referral-only"
    PHONE = "phone"
    ONLINE = "online"


class Unknown(StrEnum):
    """What a criterion of a service does with somebody of whom nobody can tell whether they meet it.

    ``refuse``: they are not sent. ``accept``: they are, as if they met it. ``assess``: they are offered, with the rule
    named under `needs_assessment`.
    """

    REFUSE = "refuse"
    ACCEPT = "accept"
    ASSESS = "assess"


class Lapse(StrEnum):
    """What becomes of a directory entry by time alone, and is told to its provider.

    ``going-stale``: it has not been confirmed for most of the time allowed, and then it is ``stale``. ``ended``: its
    last day is over.
    """

    GOING_STALE = "going-stale"
    STALE = "stale"
    ENDED = "ended"
