"""What notification says: facts on ``referrals.notification``, and what its gate puts on its inbox."""

from typing import ClassVar

from pydantic import AwareDatetime

from .base import Event
from .intake import Problem
from .matching import Broadcast
from .words import Answer, DecidedBy, DeclineCode, Document, NotDeliveredCode


class AnswerReceived(Event):
    """Gate to notification: a provider's answer, well-formed. Counts at `answered_at`, the broker's append time.

    `note` is sealed (HPKE) to intake's public key, the only service that can open personal data.
    """

    TYPE: ClassVar[str] = "notification.answer-received.v1"

    provider: str
    referral_id: str
    need_id: str
    need: str
    attempt: int
    answer: Answer
    code: DeclineCode | NotDeliveredCode | None = None
    by: DecidedBy = DecidedBy.PROVIDER
    missing: list[Document] = []
    provider_reference: str | None = None
    note: str | None = None
    answered_at: AwareDatetime


class _OfOffer(Event):
    """`broadcast`: one of several offers of a need that were made at once."""

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int
    provider: str
    service: str
    at: AwareDatetime
    broadcast: Broadcast | None = None


class Offered(_OfOffer):
    """The offer went to the provider's topic."""

    TYPE: ClassVar[str] = "notification.offered.v1"

    acknowledge_by: AwareDatetime
    decide_by: AwareDatetime


class Reminded(_OfOffer):
    """The provider was reminded, once."""

    TYPE: ClassVar[str] = "notification.reminded.v1"


class Acknowledged(_OfOffer):
    """The provider has seen the offer; `decide_by` is still the offer's."""

    TYPE: ClassVar[str] = "notification.acknowledged.v1"

    decide_by: AwareDatetime | None = None


class Accepted(_OfOffer):
    """The provider takes the need up."""

    TYPE: ClassVar[str] = "notification.accepted.v1"

    provider_reference: str | None = None


class Declined(_OfOffer):
    """The provider, or the person, said no. `others_open`: others of the same broadcast may still accept."""

    TYPE: ClassVar[str] = "notification.declined.v1"

    code: DeclineCode
    by: DecidedBy
    missing: list[Document] = []
    note: str | None = None
    others_open: bool = False


class Expired(_OfOffer):
    """The provider did not decide in time, or the offer could not be delivered to it (`undeliverable`)."""

    TYPE: ClassVar[str] = "notification.expired.v1"

    undeliverable: bool = False
    others_open: bool = False


class Revoked(_OfOffer):
    """The offer was taken back: withdrawn or changed by the agency, or another provider accepted first."""

    TYPE: ClassVar[str] = "notification.revoked.v1"

    cause: str
    others_open: bool = False


class InProgress(_OfOffer):
    """Help has begun."""

    TYPE: ClassVar[str] = "notification.in-progress.v1"

    provider_reference: str | None = None


class Delivered(_OfOffer):
    """Help was given, wholly or in part."""

    TYPE: ClassVar[str] = "notification.delivered.v1"

    partly: bool = False
    provider_reference: str | None = None


class NotDelivered(_OfOffer):
    """Taken up, and yet it came to nothing."""

    TYPE: ClassVar[str] = "notification.not-delivered.v1"

    provider_reference: str | None = None
    code: NotDeliveredCode
    by: DecidedBy
    note: str | None = None


class EntryDoubted(Event):
    """To notification: tell this provider what is wrong with a directory entry."""

    TYPE: ClassVar[str] = "notification.entry-doubted.v1"

    provider: str
    entry: str
    problems: list[Problem]


class AnswerInvalid(Event):
    """Gate to notification: an answer that is not well-formed enough to be decided; tell the provider."""

    TYPE: ClassVar[str] = "notification.answer-invalid.v1"

    provider: str
    problems: list[Problem]
