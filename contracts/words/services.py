"""What a directory entry says of a service, and how an entry expires."""

from enum import StrEnum


class CapacityUnit(StrEnum):
    """What a place of a service is (HSDS 3.1 ``unit``). Each person takes one, whatever the unit is."""

    PLACES = "places"
    BEDS = "beds"
    ROOMS = "rooms"
    SLOTS = "slots"
    APPOINTMENTS = "appointments"
    CASES = "cases"
    PARCELS = "parcels"


class Document(StrEnum):
    """Kinds of document that a service may require (HSDS ``required_documents``). Documents are never transmitted."""

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
    """How people get into a service (HSDS ``application_process``)."""

    WALK_IN = "walk-in"
    APPOINTMENT = "appointment"
    REFERRAL_ONLY = "referral-only"
    PHONE = "phone"
    ONLINE = "online"


class Unknown(StrEnum):
    """What happens if it is unknown whether a person meets a criterion of a service.

    ``refuse``: the service is not asked. ``accept``: the person counts as meeting it. ``assess``: the service is
    asked, and the offer lists the rule under `needs_assessment`.
    """

    REFUSE = "refuse"
    ACCEPT = "accept"
    ASSESS = "assess"


class EntryExpiry(StrEnum):
    """How a directory entry expires. Its provider is notified.

    ``going-stale``: the entry has not been confirmed for most of the time allowed; after that time it is ``stale``.
    ``ended``: its last day is over.
    """

    GOING_STALE = "going-stale"
    STALE = "stale"
    ENDED = "ended"
