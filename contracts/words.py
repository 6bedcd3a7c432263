"""The closed vocabularies: what may stand in a coded field, and the field's own standard behind it.

Categories are the sectors of the UNHCR inter-agency referral form; urgency is its three response classes.
"""

from datetime import date
from enum import StrEnum


class Category(StrEnum):
    """What kind of service a need asks for."""

    SHELTER = "shelter"
    HEALTH = "health"
    MENTAL_HEALTH = "mental-health"
    PROTECTION = "protection"
    CHILD_PROTECTION = "child-protection"
    GBV = "gbv"
    TRAFFICKING = "trafficking"
    LEGAL = "legal"
    DOCUMENTATION = "documentation"
    FOOD = "food"
    CASH = "cash"
    NON_FOOD_ITEMS = "non-food-items"
    WASH = "wash"
    EDUCATION = "education"
    LANGUAGE = "language"
    EMPLOYMENT = "employment"
    DISABILITY = "disability"
    TRACING = "tracing"
    RETURN = "return"

    @property
    def confidential(self) -> bool:
        """True where it may be told to nobody that a person is known: else a name would be a way to find somebody."""
        return self in _CONFIDENTIAL


_CONFIDENTIAL = frozenset(
    {
        Category.PROTECTION,
        Category.CHILD_PROTECTION,
        Category.GBV,
        Category.TRAFFICKING,
        Category.HEALTH,
        Category.MENTAL_HEALTH,
        Category.TRACING,
    }
)


class HeldBack(StrEnum):
    """A need is accepted, but kept from services: the person is being served for it already, on strong identity.

    ``told``: its agency learns that, and nothing more. ``untold``: its agency sees a need that waits.
    """

    TOLD = "told"
    UNTOLD = "untold"


TAKEN_BY_ANOTHER = "taken-by-another"
"""Why an offer is closed, or a match taken back: of several services asked, another has the need, or has helped."""

ALREADY_SERVED = "already-served"
"""The code of a wait, and of an end, of a need that is held back and whose agency is told so."""


class Urgency(StrEnum):
    """Three classes: start of help within 24 hours, 72 hours, 2 weeks. ``high/medium/low`` are read as aliases."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    NORMAL = "normal"

    @classmethod
    def _missing_(cls, value: object) -> "Urgency | None":
        return {"high": cls.EMERGENCY, "medium": cls.URGENT, "low": cls.NORMAL}.get(str(value).lower())

    @property
    def rank(self) -> int:
        """2 for emergency, 1 for urgent, 0 for normal."""
        return {"emergency": 2, "urgent": 1, "normal": 0}[self.value]


class ReferrerKind(StrEnum):
    """Who refers."""

    GOVERNMENT = "government"
    MIGRATION_AGENCY = "migration-agency"
    ORGANISATION = "organisation"
    PEER = "peer"
    SELF = "self"


class Sex(StrEnum):
    """As the person states it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class AgeBand(StrEnum):
    """Bands of GCM objective 1 for disaggregation; matching sees the band, never the birth date."""

    TODDLER = "0-4"
    CHILD = "5-11"
    ADOLESCENT = "12-17"
    ADULT = "18-59"
    OLDER = "60+"

    @property
    def years(self) -> tuple[int, int]:
        """Youngest and oldest age of the band, both included."""
        return {"0-4": (0, 4), "5-11": (5, 11), "12-17": (12, 17), "18-59": (18, 59), "60+": (60, 150)}[self.value]

    @classmethod
    def of(cls, age: int) -> "AgeBand":
        """The band of an age in whole years."""
        return next(band for band in cls if age <= band.years[1])

    @classmethod
    def born(cls, born: date, day: date) -> "AgeBand":
        """The band, on a day, of who was born on another."""
        return cls.of(max(0, day.year - born.year - ((day.month, day.day) < (born.month, born.day))))


class Status(StrEnum):
    """Residence status, coarse and optional; never needed for emergency, health or protection."""

    CITIZEN = "citizen"
    RESIDENT = "resident"
    ASYLUM_SEEKER = "asylum-seeker"
    PROTECTED = "protected"
    IRREGULAR = "irregular"


class Flag(StrEnum):
    """Vulnerability, after IOM's Determinants of Migrant Vulnerability."""

    UNACCOMPANIED_CHILD = "unaccompanied-child"
    SEPARATED_CHILD = "separated-child"
    PREGNANT = "pregnant"
    GBV_SURVIVOR = "gbv-survivor"
    TRAFFICKING_VICTIM = "trafficking-victim"
    MEDICAL_EMERGENCY = "medical-emergency"
    CHRONIC_ILLNESS = "chronic-illness"
    DISABILITY = "disability"
    OLDER_ALONE = "older-alone"
    SINGLE_PARENT = "single-parent"
    LGBTI = "lgbti"
    VIOLENCE_SURVIVOR = "violence-survivor"


class LegalBasis(StrEnum):
    """Why personal data may be passed on (ICRC Handbook: where there is no real choice, consent is not the basis)."""

    CONSENT = "consent"
    VITAL_INTEREST = "vital-interest"
    BEST_INTEREST_OF_CHILD = "best-interest-of-child"
    LEGAL_OBLIGATION = "legal-obligation"
    PUBLIC_INTEREST = "public-interest"


class ConsentGiver(StrEnum):
    """Who gave the consent."""

    PERSON = "person"
    CAREGIVER = "caregiver"
    LEGAL_GUARDIAN = "legal-guardian"
    NOBODY = "nobody"


class PersonalField(StrEnum):
    """What can be released to a provider that accepted; consent lists exactly which."""

    NAME = "name"
    CASE_CODE = "case_code"
    BIRTH_DATE = "birth_date"
    NATIONALITY = "nationality"
    STATUS = "status"
    CAREGIVER = "caregiver"
    CONTACT = "contact"
    PLACE = "place"
    NOTE = "note"


class Answer(StrEnum):
    """What a provider can say of an offer. ``check-in``: at work on it, and needs more time.

    Appointments are those of BSeR's businessStatus: proposed and moved 5.1.1 (scheduled), no-show 5.1.2 (unattended),
    kept 5.1.4 (completed).
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


class Clock(StrEnum):
    """What a provider is awaited for: to acknowledge an offer, to decide it, to start help, to say how it ended."""

    ACKNOWLEDGE = "acknowledge"
    DECIDE = "decide"
    START = "start"
    CLOSE = "close"


class ExpiryCode(StrEnum):
    """Why an offer has expired, where it is not that nobody decided: ``not-started`` was accepted, and then nothing."""

    NOT_STARTED = "not-started"


class DeclineCode(StrEnum):
    """Why an offer is declined. The first group rules the service out for the need for good."""

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
        """True when the service is never offered this need again."""
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

    ``unknown-offer``: there is no such offer to this provider. ``late``: that attempt has ended. ``repeated``: it was
    said already. ``not-allowed``: it does not follow from where the offer stands. ``too-often``: no more check-ins.
    ``event-id-reused``: one id was used for two different answers; the first one counts.
    """

    UNKNOWN_OFFER = "unknown-offer"
    LATE = "late"
    REPEATED = "repeated"
    NOT_ALLOWED = "not-allowed"
    TOO_OFTEN = "too-often"
    EVENT_ID_REUSED = "event-id-reused"


class DecidedBy(StrEnum):
    """Whose decision an answer was (Clarity HMIS: provider or client)."""

    PROVIDER = "provider"
    PERSON = "person"


class Rule(StrEnum):
    """The rules a service is checked against, in the order of the elimination funnel."""

    CATEGORY = "category"
    TENANT = "tenant"
    OPEN = "open"
    STALE = "stale"
    CONSENT = "consent"
    AREA = "area"
    AGE = "age"
    SEX = "sex"
    LANGUAGE = "language"
    HOUSEHOLD = "household"
    STATUS = "status"
    EXCLUSION = "exclusion"
    CONDITIONS = "conditions"
    DOCUMENTS = "documents"
    RULED_OUT = "ruled-out"
    FULL = "full"
    PLACE = "place"


class CapacityUnit(StrEnum):
    """What a place of a service is (HSDS 3.1 ``unit``). One person takes one, whatever it is."""

    PLACES = "places"
    BEDS = "beds"
    ROOMS = "rooms"
    SLOTS = "slots"
    APPOINTMENTS = "appointments"
    CASES = "cases"
    PARCELS = "parcels"


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


class Behind(StrEnum):
    """Why a service that can take a need stands behind the one that was chosen for it.

    ``lower-score``: the terms say by how much. ``equal``: no difference but the id. ``assess-first``: somebody has to
    look closer at one of its rules, and at the chosen one nobody has to. ``same-provider``: several are asked at
    once, and its provider is, with a better service. ``accepts-less``: its score is no lower, by a hair at most
    higher, and it has accepted a smaller share of what it was offered lately. ``seldom-accepts``: a very small one,
    and there are others. The rest had no place for it: ``full``, ``said-full`` (whatever we count, it has said so),
    ``others-first`` (who waits for it already has a better claim to what is free) and ``kept`` (its places are used
    up once taken, and worth more to those to come).
    """

    LOWER_SCORE = "lower-score"
    EQUAL = "equal"
    ASSESS_FIRST = "assess-first"
    SAME_PROVIDER = "same-provider"
    ACCEPTS_LESS = "accepts-less"
    SELDOM_ACCEPTS = "seldom-accepts"
    FULL = "full"
    SAID_FULL = "said-full"
    OTHERS_FIRST = "others-first"
    KEPT = "kept"

    @property
    def closed(self) -> bool:
        """True where it had no place for the need, so that it was not ranked at all."""
        return self in (Behind.FULL, Behind.SAID_FULL, Behind.OTHERS_FIRST, Behind.KEPT)


class Change(StrEnum):
    """What would have led to another choice, all else being as it was.

    ``place``: so many places free at a service that had none for it. ``more-places``: so many free at one that had
    fewer. ``turn``: nobody waiting for the service with a better claim. ``preferred``: the person's preferring its
    provider. ``not-preferred``: the person's not preferring the provider chosen. ``assessed``: knowing that those of
    the service's rules are met of which nobody could tell.
    """

    PLACE = "place"
    MORE_PLACES = "more-places"
    TURN = "turn"
    PREFERRED = "preferred"
    NOT_PREFERRED = "not-preferred"
    ASSESSED = "assessed"


class Wait(StrEnum):
    """How long a service that could take a need would let it wait. Coarse: it tells nothing of those who wait.

    ``none``: it has a place now. ``short``: fewer wait before the need than the service has places. ``long``: more,
    or the service has said that it has no capacity.
    """

    NONE = "none"
    SHORT = "short"
    LONG = "long"


class Lifecycle(StrEnum):
    """The states of a need as the agency sees them. `fhir` gives the FHIR Task status (SDOH Clinical Care)."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MATCHED = "matched"
    OFFERED = "offered"
    ACKNOWLEDGED = "acknowledged"
    TAKEN_UP = "taken-up"
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
        """True for the ends of a need (not of an attempt)."""
        return self in _ENDS


class Happening(StrEnum):
    """What can happen to a need without changing its state, and is told to its agency all the same."""

    REMINDED = "reminded"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    CHECKED_IN = "checked-in"
    APPOINTMENT_MOVED = "appointment-moved"
    RECALLED = "recalled"
    RECALL_OVERDUE = "recall-overdue"
    RECALL_ACKNOWLEDGED = "recall-acknowledged"


class NextStep(StrEnum):
    """What comes next for a need: who has to do what. ``nothing``: it has ended."""

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
    Lifecycle.TAKEN_UP: "accepted",
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
