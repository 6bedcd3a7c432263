"""What a provider publishes on its directory and responses topics, and what it reads on its notifications topic."""

from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from .agency import Constraints, Note, Reference, Short
from .base import Event, Input
from .eligibility import Eligibility as Eligibility
from .formats import Moment, WholeNumber, Within
from .profiles import MinimalProfile, Problem, Region
from .service import Service as Service
from .words import (
    Answer,
    AnswerFault,
    Category,
    DeadlineKind,
    DecidedBy,
    DeclineCode,
    Document,
    Lifecycle,
    NotDeliveredCode,
    PersonalField,
    Rule,
    Urgency,
)

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""A raw X25519 public key, base64."""


Count = Annotated[int, Field(ge=1, le=1000), WholeNumber()]
"""The number of an attempt or a recall."""


class Profile(Input):
    """A provider's profile, from the provider to intake and matching, under the record key ``profile``.

    Released contacts are encrypted to `public_key`.
    """

    TYPE: ClassVar[str] = "provider.profile.v1"

    name: Short
    public_key: Key


class Answered(Input):
    """A provider's answer to an offer, or a report of its outcome, from the provider to notification.

    `attempt` is the offer's; an answer to an earlier attempt is late. `code` is a decline code with ``declined`` and a
    not-delivered code with ``not-delivered``. With ``missing-documents``, `missing` lists which, so that the agency can
    be asked. `appointment_at` goes with an appointment proposed or moved. `provider_reference` is the provider's own
    number for the case.
    """

    TYPE: ClassVar[str] = "provider.answered.v1"

    provider: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")] | None = None
    referral_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    need: Reference
    attempt: Count
    answer: Answer
    code: DeclineCode | NotDeliveredCode | None = None
    by: DecidedBy = DecidedBy.PROVIDER
    missing: Annotated[list[Document], Field(max_length=len(Document))] = []
    provider_reference: Reference | None = None
    note: Note | None = None
    appointment_at: Annotated[Moment, Within(years_before=1, years_after=5)] | None = None

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if self.answer in (Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED):
            if self.appointment_at is None:
                raise ValueError(f"appointment_at is needed with {self.answer.value}")
        elif self.appointment_at is not None:
            raise ValueError("appointment_at goes with appointment-proposed and appointment-moved only")
        return self

    @model_validator(mode="after")
    def _names_documents_where_some_are_missing(self) -> Self:
        if self.missing and self.code != DeclineCode.MISSING_DOCUMENTS:
            raise ValueError("missing goes with code missing-documents only")
        return self

    @model_validator(mode="after")
    def _coded(self) -> Self:
        codes = {Answer.DECLINED: DeclineCode, Answer.NOT_DELIVERED: NotDeliveredCode}.get(self.answer)
        if codes is None:
            if self.code is not None:
                raise ValueError("code goes with declined and not-delivered only")
        elif self.code is None or self.code.value not in [code.value for code in codes]:
            raise ValueError(
                f"code is needed with {self.answer.value}: one of {', '.join(code.value for code in codes)}"
            )
        return self


class RecallAcknowledged(Input):
    """From a provider to notification: the fields of a recall were deleted in every copy. It repeats the ids."""

    TYPE: ClassVar[str] = "provider.recall-acknowledged.v1"

    provider: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")] | None = None
    referral_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    need: Reference
    attempt: Count
    recall: Count


class _ToProvider(Event):
    """The fields that identify the offer in every message to a provider.

    `provider_reference` is the provider's own number for the case, once it has given one.
    """

    provider: str
    referral_id: str
    need: str
    need_id: str
    attempt: int
    service: str
    provider_reference: str | None = None


class Offer(_ToProvider):
    """From notification to a provider: a match, with a minimal profile and no identity. Answer with `Answered`.

    It is for `person` and `companions`, all or none of them, and takes `places` of the service's places.
    `needs_assessment` lists the service's own rules of which it is unknown whether the people meet them: please check.
    If `offers` is above 1, that many providers are asked at once, and the first one to accept gets the need.
    """

    TYPE: ClassVar[str] = "provider.offer.v1"

    category: Category
    urgency: Urgency
    person: MinimalProfile
    region: Region
    constraints: Constraints
    offered_at: AwareDatetime
    acknowledge_by: AwareDatetime
    decide_by: AwareDatetime
    offers: int = 1
    companions: list[MinimalProfile] = []
    places: int = 1
    needs_assessment: list[Rule] = []


class Reminder(_ToProvider):
    """From notification to a provider: half of the time is over. Sent once for each deadline.

    `clock` is what the provider has to do, and `due_at` when that is overdue. An undecided offer expires at
    `decide_by`.
    """

    TYPE: ClassVar[str] = "provider.reminder.v1"

    decide_by: AwareDatetime
    clock: DeadlineKind = DeadlineKind.ACKNOWLEDGE
    due_at: AwareDatetime | None = None


class AnswerConfirmed(_ToProvider):
    """From notification to a provider: its `answer` took effect at `at`, and the offer is now in `state`.

    Until the next message about the offer, `clock` is what is due next and `due_at` when; both are missing once the
    offer has ended. `appointment_at` is the latest appointment, if any. `code` and `by` repeat the answer. With this
    every reader of the topic knows where an offer stands, whoever at the provider answered. A check-in is confirmed by
    `CheckInCounted`, the deletion of recalled data by `RecallClosed`.
    """

    TYPE: ClassVar[str] = "provider.answer-confirmed.v1"

    answer: Answer
    state: Lifecycle
    at: AwareDatetime
    by: DecidedBy = DecidedBy.PROVIDER
    code: DeclineCode | NotDeliveredCode | None = None
    clock: DeadlineKind | None = None
    due_at: AwareDatetime | None = None
    appointment_at: AwareDatetime | None = None


class CheckInCounted(_ToProvider):
    """From notification to a provider: its check-in has moved the deadline to `due_at`; `left` more are possible."""

    TYPE: ClassVar[str] = "provider.check-in-counted.v1"

    clock: DeadlineKind
    due_at: AwareDatetime
    left: int


class OfferClosed(_ToProvider):
    """From notification to a provider: the offer has ended without an answer from the provider.

    It expired, was accepted but not started, or was revoked since the need was withdrawn or changed. `reason`
    ``taken-by-another`` means that several providers were asked at once, and another was first to accept. Delete what
    the offer said of the person; a `Recall` lists what was released later.
    """

    TYPE: ClassVar[str] = "provider.offer-closed.v1"

    reason: str


class AnswerRefused(_ToProvider):
    """From notification to a provider: an answer changed nothing. Why, the offer's state, and the answers allowed now.

    It is no news about the offer itself: a reader that follows the topic keeps the state that it has.

    `state` is a `words.Lifecycle`, or ``unknown`` if this provider has no such offer. Then the message contains only
    what the answer itself said.
    """

    TYPE: ClassVar[str] = "provider.answer-refused.v1"

    answer: Answer
    reason: AnswerFault
    state: str
    allowed: list[Answer]


class ContactReleased(_ToProvider):
    """From intake to a provider that has accepted: what consent allows it to know, encrypted to its key.

    `sealed` is base64 of HPKE (RFC 9180, base mode, DHKEM X25519, HKDF-SHA256, AES-256-GCM), encapsulated key first,
    with info ``referral-routing/contact/<need_id>``. Inside is a JSON object of the fields; other people that the need
    is for are in its list `household`. If the need is not for the person, nothing identifies the person. `reference` is
    the agency's own number for the referral, by which agency and provider can talk about the person.
    """

    TYPE: ClassVar[str] = "provider.contact-released.v1"

    fields: list[PersonalField]
    sealed: str
    reference: str | None = None


class Recall(_ToProvider):
    """From intake to a provider: delete these fields in every copy, and confirm with `RecallAcknowledged`.

    It covers everything released for this offer before, even if that arrives later. Confirm by `acknowledge_by`.
    `recall` counts the recalls of one offer from 1. For the values of `reason` see ``intake.recalled.v1``.
    """

    TYPE: ClassVar[str] = "provider.recall.v1"

    recall: int
    fields: list[PersonalField]
    reason: str
    acknowledge_by: AwareDatetime
    reference: str | None = None


class RecallClosed(_ToProvider):
    """From intake to a provider: it has confirmed at `at` that the fields of this recall are deleted."""

    TYPE: ClassVar[str] = "provider.recall-closed.v1"

    recall: int
    at: AwareDatetime


class EntryRefused(Event):
    """From notification to a provider: a directory entry cannot be used, now or soon. What is wrong, by field."""

    TYPE: ClassVar[str] = "provider.entry-refused.v1"

    provider: str
    entry: str
    problems: list[Problem]


class ProviderInputRefused(Event):
    """From notification or intake to a provider: a message from it was refused. What is wrong, by field."""

    TYPE: ClassVar[str] = "provider.input-refused.v1"

    provider: str
    sent: str
    problems: list[Problem]
