"""Notification's messages: its facts on ``referrals.notification``, and what is put on its inbox."""

from typing import ClassVar

from pydantic import AwareDatetime

from .base import Event, Value
from .matching import Broadcast
from .profiles import Problem
from .schedule import Schedule
from .words import (
    Answer,
    Category,
    DeadlineKind,
    DecidedBy,
    DeclineCode,
    Document,
    ExpiryCode,
    Lifecycle,
    NotDeliveredCode,
    Urgency,
)


class Running(Value):
    """A running deadline: when the provider is reminded, when it is overdue, and when that is escalated.

    `clock` is what the provider has to do. The offer expires at `expires_at`; without it, the deadline does not end it.
    """

    clock: DeadlineKind
    remind_at: AwareDatetime
    due_at: AwareDatetime
    escalate_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class AnswerReceived(Event):
    """From notification's gate to notification: a provider's answer, well-formed.

    `answered_at` is when it counts: the broker's append time. `note` is sealed (HPKE) to the public key of intake, the
    only service that can open personal data.
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
    appointment_at: AwareDatetime | None = None


class _OfOffer(Event):
    """The fields that identify an offer in notification's facts, which outcomes reads.

    `reference` is the agency's number for the referral, `provider_reference` the provider's, once it has given one.
    `broadcast`: one of several offers of a need that were made at once.
    """

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int
    provider: str
    service: str
    at: AwareDatetime
    provider_reference: str | None = None
    broadcast: Broadcast | None = None


class Offered(_OfOffer):
    """From notification to outcomes: the offer was sent to the provider.

    `schedule` is there if deadlines count opening hours. `clocks` are the deadlines that run from now on, here and in
    every other fact that has them.
    """

    TYPE: ClassVar[str] = "notification.offered.v1"

    acknowledge_by: AwareDatetime
    decide_by: AwareDatetime
    category: Category | None = None
    urgency: Urgency | None = None
    schedule: Schedule | None = None
    clocks: list[Running] = []


class Reminded(_OfOffer):
    """From notification to outcomes, once for each deadline: the provider was reminded."""

    TYPE: ClassVar[str] = "notification.reminded.v1"

    clock: DeadlineKind = DeadlineKind.ACKNOWLEDGE


class Overdue(_OfOffer):
    """From notification to outcomes, once for each deadline: it has passed without an answer.

    `state` is the offer's state. `turn` counts the events of the offer that did not advance its state: check-ins,
    appointments.
    """

    TYPE: ClassVar[str] = "notification.overdue.v1"

    clock: DeadlineKind
    state: Lifecycle
    turn: int = 0
    due_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class Escalated(_OfOffer):
    """From notification to outcomes, once for each deadline: still no answer, so the operator was warned."""

    TYPE: ClassVar[str] = "notification.escalated.v1"

    clock: DeadlineKind
    state: Lifecycle
    turn: int = 0
    due_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class CheckedIn(_OfOffer):
    """From notification to outcomes: the provider needs more time, and has moved the deadline `count` times."""

    TYPE: ClassVar[str] = "notification.checked-in.v1"

    state: Lifecycle
    count: int
    turn: int
    clocks: list[Running]


class Acknowledged(_OfOffer):
    """From notification to outcomes: the provider has seen the offer. `decide_by` is unchanged."""

    TYPE: ClassVar[str] = "notification.acknowledged.v1"

    decide_by: AwareDatetime | None = None
    clocks: list[Running] = []


class OfferAccepted(_OfOffer):
    """From notification to matching and outcomes: the provider has accepted the need."""

    TYPE: ClassVar[str] = "notification.accepted.v1"

    clocks: list[Running] = []


class Appointed(_OfOffer):
    """From notification to outcomes: an appointment with the person was made, or `moved` (BSeR 5.1.1)."""

    TYPE: ClassVar[str] = "notification.appointed.v1"

    appointment_at: AwareDatetime
    moved: bool = False
    turn: int
    clocks: list[Running] = []


class NoShow(_OfOffer):
    """From notification to outcomes: the person missed the appointment (BSeR 5.1.2). Another can be proposed."""

    TYPE: ClassVar[str] = "notification.no-show.v1"

    appointment_at: AwareDatetime | None = None
    by: DecidedBy
    note: str | None = None
    turn: int
    clocks: list[Running] = []


class Declined(_OfOffer):
    """From notification to matching and outcomes: the provider or the person declined.

    `others_open`: others of the same broadcast may still accept.
    """

    TYPE: ClassVar[str] = "notification.declined.v1"

    code: DeclineCode
    by: DecidedBy
    missing: list[Document] = []
    note: str | None = None
    others_open: bool = False


class Expired(_OfOffer):
    """From notification to matching and outcomes: the provider did not decide in time.

    `undeliverable`: the offer could not be delivered to it. With `code` ``not-started`` it had accepted.
    """

    TYPE: ClassVar[str] = "notification.expired.v1"

    undeliverable: bool = False
    code: ExpiryCode | None = None
    others_open: bool = False


class Revoked(_OfOffer):
    """From notification to outcomes: the offer was revoked.

    The agency withdrew or changed the need, or another provider accepted first.
    """

    TYPE: ClassVar[str] = "notification.revoked.v1"

    cause: str
    others_open: bool = False


class InProgress(_OfOffer):
    """From notification to outcomes: help has begun; with `kept`, at the appointment (BSeR 5.1.4)."""

    TYPE: ClassVar[str] = "notification.in-progress.v1"

    kept: bool = False
    appointment_at: AwareDatetime | None = None
    clocks: list[Running] = []


class Delivered(_OfOffer):
    """From notification to matching and outcomes: help was given, wholly or in part."""

    TYPE: ClassVar[str] = "notification.delivered.v1"

    partly: bool = False


class NotDelivered(_OfOffer):
    """From notification to matching and outcomes: the provider had accepted, but help was not given."""

    TYPE: ClassVar[str] = "notification.not-delivered.v1"

    code: NotDeliveredCode
    by: DecidedBy
    note: str | None = None


class EntryProblemsFound(Event):
    """From matching to notification: notify this provider of what is wrong with a directory entry."""

    TYPE: ClassVar[str] = "notification.entry-doubted.v1"

    provider: str
    entry: str
    problems: list[Problem]


class AnswerInvalid(Event):
    """From notification's gate to notification: an answer is not well-formed; notify the provider."""

    TYPE: ClassVar[str] = "notification.answer-invalid.v1"

    provider: str
    sent: str = "provider.answered.v1"
    problems: list[Problem]


Refusal = Declined | NotDelivered | Expired
"""Ends of an attempt after which the need may go to another service."""

Outcome = Delivered | NotDelivered
"""Ends of an attempt that its provider had accepted."""


OfferChange = (
    Reminded
    | Overdue
    | Escalated
    | CheckedIn
    | Acknowledged
    | OfferAccepted
    | Declined
    | Expired
    | Revoked
    | Appointed
    | NoShow
    | InProgress
    | Delivered
    | NotDelivered
)
"""What happens to an offer after it was made."""
