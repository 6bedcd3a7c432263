"""What notification says: facts on ``referrals.notification``, and what its gate puts on its inbox."""

from typing import ClassVar

from pydantic import AwareDatetime

from .base import Event, Value
from .intake import Problem
from .matching import Broadcast
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
    """One clock of an offer: when the provider is reminded, when it is overdue, when that is escalated, what ends it.

    Without `expires_at` the offer does not end with it.
    """

    clock: DeadlineKind
    remind_at: AwareDatetime
    due_at: AwareDatetime
    escalate_at: AwareDatetime
    expires_at: AwareDatetime | None = None


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
    appointment_at: AwareDatetime | None = None


class _OfOffer(Event):
    """`reference` is the agency's number for the referral; `provider_reference` the provider's, once it has one.
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
    """The offer went to the provider's topic. `schedule` stands here where its opening hours are what counts.

    `clocks` are those that run from now on; so in every fact that has them.
    """

    TYPE: ClassVar[str] = "notification.offered.v1"

    acknowledge_by: AwareDatetime
    decide_by: AwareDatetime
    category: Category | None = None
    urgency: Urgency | None = None
    schedule: Schedule | None = None
    clocks: list[Running] = []


class Reminded(_OfOffer):
    """The provider was reminded, once for each clock."""

    TYPE: ClassVar[str] = "notification.reminded.v1"

    clock: DeadlineKind = DeadlineKind.ACKNOWLEDGE


class Overdue(_OfOffer):
    """The time of a clock is over, and nothing came; said once for each. `state` is where the offer stands.

    `turn` counts the news of the offer that brought no new state or an earlier one: check-ins, appointments.
    """

    TYPE: ClassVar[str] = "notification.overdue.v1"

    clock: DeadlineKind
    state: Lifecycle
    turn: int = 0
    due_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class Escalated(_OfOffer):
    """Still nothing: operators are warned, the agency is told; once for each clock."""

    TYPE: ClassVar[str] = "notification.escalated.v1"

    clock: DeadlineKind
    state: Lifecycle
    turn: int = 0
    due_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class CheckedIn(_OfOffer):
    """The provider is at work on it and has set the running clock anew, for the `count`-th time."""

    TYPE: ClassVar[str] = "notification.checked-in.v1"

    state: Lifecycle
    count: int
    turn: int
    clocks: list[Running]


class Acknowledged(_OfOffer):
    """The provider has seen the offer; `decide_by` is still the offer's."""

    TYPE: ClassVar[str] = "notification.acknowledged.v1"

    decide_by: AwareDatetime | None = None
    clocks: list[Running] = []


class OfferAccepted(_OfOffer):
    """The provider takes the need up."""

    TYPE: ClassVar[str] = "notification.accepted.v1"

    clocks: list[Running] = []


class Appointed(_OfOffer):
    """An appointment with the person is set, or `moved` (BSeR 5.1.1)."""

    TYPE: ClassVar[str] = "notification.appointed.v1"

    appointment_at: AwareDatetime
    moved: bool = False
    turn: int
    clocks: list[Running] = []


class NoShow(_OfOffer):
    """The person did not come to the appointment (BSeR 5.1.2). Another can be proposed."""

    TYPE: ClassVar[str] = "notification.no-show.v1"

    appointment_at: AwareDatetime | None = None
    by: DecidedBy
    note: str | None = None
    turn: int
    clocks: list[Running] = []


class Declined(_OfOffer):
    """The provider, or the person, said no. `others_open`: others of the same broadcast may still accept."""

    TYPE: ClassVar[str] = "notification.declined.v1"

    code: DeclineCode
    by: DecidedBy
    missing: list[Document] = []
    note: str | None = None
    others_open: bool = False


class Expired(_OfOffer):
    """The provider did not decide in time, or the offer could not be delivered to it (`undeliverable`).

    With `code` ``not-started`` it had been accepted.
    """

    TYPE: ClassVar[str] = "notification.expired.v1"

    undeliverable: bool = False
    code: ExpiryCode | None = None
    others_open: bool = False


class Revoked(_OfOffer):
    """The offer was taken back: withdrawn or changed by the agency, or another provider accepted first."""

    TYPE: ClassVar[str] = "notification.revoked.v1"

    cause: str
    others_open: bool = False


class InProgress(_OfOffer):
    """Help has begun; with `kept`, at the appointment (BSeR 5.1.4)."""

    TYPE: ClassVar[str] = "notification.in-progress.v1"

    kept: bool = False
    appointment_at: AwareDatetime | None = None
    clocks: list[Running] = []


class Delivered(_OfOffer):
    """Help was given, wholly or in part."""

    TYPE: ClassVar[str] = "notification.delivered.v1"

    partly: bool = False


class NotDelivered(_OfOffer):
    """Taken up, and yet it came to nothing."""

    TYPE: ClassVar[str] = "notification.not-delivered.v1"

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
    sent: str = "provider.answered.v1"
    problems: list[Problem]


Refusal = Declined | NotDelivered | Expired
"""Ends of an attempt after which the need goes on to another service."""

Outcome = Delivered | NotDelivered
"""Ends of an attempt that its provider had accepted."""
