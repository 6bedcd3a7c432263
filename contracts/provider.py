"""What a provider publishes on its directory and responses topics, and what it reads on its notifications topic."""

from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from .agency import Constraints, Note, Reference, Short
from .base import Event, Input
from .eligibility import Eligibility as Eligibility
from .intake import MinimalProfile, Problem, Region
from .service import Service as Service
from .words import (
    Answer,
    AnswerFault,
    Category,
    DeadlineKind,
    DecidedBy,
    DeclineCode,
    Document,
    NotDeliveredCode,
    PersonalField,
    Rule,
    Urgency,
)

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""A raw X25519 public key, base64."""


class Profile(Input):
    """The provider itself, under the record key ``profile``. Released contacts are encrypted to `public_key`."""

    TYPE: ClassVar[str] = "provider.profile.v1"

    name: Short
    public_key: Key


class Answered(Input):
    """A provider's answer to an offer, or the news of what came of it.

    `attempt` is the offer's; an answer to an earlier attempt is late. `code` is a decline code with ``declined`` and a
    not-delivered code with ``not-delivered``. With ``missing-documents``, `missing` names which, so that the agency
    can be asked. `appointment_at` goes with an appointment proposed or moved. `provider_reference` is the provider's
    own number for the case.
    """

    TYPE: ClassVar[str] = "provider.answered.v1"

    provider: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")] | None = None
    referral_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    need: Reference
    attempt: Annotated[int, Field(ge=1, le=1000)]
    answer: Answer
    code: DeclineCode | NotDeliveredCode | None = None
    by: DecidedBy = DecidedBy.PROVIDER
    missing: Annotated[list[Document], Field(max_length=len(Document))] = []
    provider_reference: Reference | None = None
    note: Note | None = None
    appointment_at: AwareDatetime | None = None

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
    """What a recall named has been deleted: the fields, and every copy. `recall` and the rest are the recall's own."""

    TYPE: ClassVar[str] = "provider.recall-acknowledged.v1"

    provider: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")] | None = None
    referral_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    need: Reference
    attempt: Annotated[int, Field(ge=1, le=1000)]
    recall: Annotated[int, Field(ge=1, le=1000)]


class _ToProvider(Event):
    """What every message to a provider says first: which offer it is about.

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
    """A match as the provider sees it: the minimum, no identity. Answer with `Answered`.

    It is for `person` and `companions`, all or none of them, and takes `places` of the service's places.
    `needs_assessment` names the service's own rules that what is known of them does not decide: please look closer.
    `offers` above 1: so many providers are asked at once, and the first one to accept has it.
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
    """Half of a time has gone by. Sent once for each clock. Undecided, the offer expires at `decide_by`.

    `due_at` is when what the `clock` awaits is overdue.
    """

    TYPE: ClassVar[str] = "provider.reminder.v1"

    decide_by: AwareDatetime
    clock: DeadlineKind = DeadlineKind.ACKNOWLEDGE
    due_at: AwareDatetime | None = None


class CheckInCounted(_ToProvider):
    """A check-in has set the running clock anew: until when, and how many more it takes."""

    TYPE: ClassVar[str] = "provider.check-in-counted.v1"

    clock: DeadlineKind
    due_at: AwareDatetime
    left: int


class OfferClosed(_ToProvider):
    """The offer has ended without the provider: expired, accepted but not started, revoked since the need was withdrawn
    or changed, or taken.

    `reason` is then ``taken-by-another``: the offer had gone to several at once, and another was first to accept.
    What the offer said of the person is to be forgotten; what was released after it, a `Recall` names.
    """

    TYPE: ClassVar[str] = "provider.offer-closed.v1"

    reason: str


class AnswerRefused(_ToProvider):
    """An answer changed nothing: why, where the offer stands, and what could be answered now.

    `state` is a `words.Lifecycle`, or ``unknown`` where there is no such offer to this provider: then nothing is told
    but what the answer itself said.
    """

    TYPE: ClassVar[str] = "provider.answer-refused.v1"

    answer: Answer
    reason: AnswerFault
    state: str
    allowed: list[Answer]


class ContactReleased(_ToProvider):
    """What consent lets this provider know, encrypted to its key.

    `sealed` is base64 of HPKE (RFC 9180, base mode, DHKEM X25519, HKDF-SHA256, AES-256-GCM), encapsulated key first,
    with info ``referral-routing/contact/<need_id>``; inside is a JSON object of the fields. `reference` is the agency's
    own number for the referral, to be named when the two speak of the person. Whom else the need is for stands in its
    list `household`; what identifies the person is left out where it is not for the person.
    """

    TYPE: ClassVar[str] = "provider.contact-released.v1"

    fields: list[PersonalField]
    sealed: str
    reference: str | None = None


class Recall(_ToProvider):
    """Delete these fields, in every copy, and say so by `acknowledge_by` with `RecallAcknowledged`.

    It holds for all that was released for this offer before, also where that should arrive after it. `recall` counts
    those of one offer, from 1. For the values of `reason` see ``intake.recalled.v1``.
    """

    TYPE: ClassVar[str] = "provider.recall.v1"

    recall: int
    fields: list[PersonalField]
    reason: str
    acknowledge_by: AwareDatetime
    reference: str | None = None


class EntryRefused(Event):
    """A directory entry cannot be used, or will not be for long: what is wrong with it, by field."""

    TYPE: ClassVar[str] = "provider.entry-refused.v1"

    provider: str
    entry: str
    problems: list[Problem]


class ProviderInputRefused(Event):
    """Something the provider sent could not be read or acted on: what is wrong with it, by field."""

    TYPE: ClassVar[str] = "provider.input-refused.v1"

    provider: str
    sent: str
    problems: list[Problem]
