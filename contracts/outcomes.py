"""What outcomes reports to agencies on ``agency.<id>.status`` and to analysts on ``statistics.indicators``."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from .agency import Admin1
from .base import Event
from .matching import Broadcast, FunnelStep, Suggestions
from .profiles import Problem
from .words import Category, DeadlineKind, DecidedBy, Document, Lifecycle, NextStep, PersonalField, Rule, Urgency


class StatusChanged(Event):
    """From outcomes to an agency: the status of a need. What happened, since when, what comes next and by when.

    `what` happened at `at`: a `words.Lifecycle` state that the need has reached, or a `words.Happening` that leaves
    it in its `state`, in which it has been `since`. `next` says who has to do what, and `next_by` by when, if there
    is a deadline; `decide_by` is when an undecided offer expires. `code` is the coded reason of a decline,
    non-delivery, hold, withdrawal or unmet need. `missing` says what to add to the referral of a need on hold.
    `funnel` says how many services were left after each rule, for a waiting or unmet need. `overdue` is what the
    provider did not do in time; `escalated`: operators were warned of it. `turn` counts events of an attempt that did
    not advance its state: check-ins, appointments moved or missed. With `broadcast` several services were asked at
    once, and `provider` and `service` are one of them; in the order of statuses their attempts count as the first of
    them. `needs_assessment` lists the rules of a matched service of which it is unknown whether they are met: the
    service will check before it accepts. `reference` is the agency's own number, `provider_reference` the provider's.
    `texts` is the status in a few sentences, by language (ISO 639-1: en, ru, be).
    """

    TYPE: ClassVar[str] = "outcomes.status-changed.v1"

    agency: str
    reference: str
    referral_id: str
    need: str
    need_id: str
    state: Lifecycle
    fhir_status: str
    since: AwareDatetime
    attempt: int = 0
    provider: str | None = None
    service: str | None = None
    provider_reference: str | None = None
    code: str | None = None
    missing: list[Document] = []
    next_by: AwareDatetime | None = None
    funnel: list[FunnelStep] = []
    appointment_at: AwareDatetime | None = None
    overdue: DeadlineKind | None = None
    escalated: bool = False
    turn: int = 0
    what: str | None = None
    at: AwareDatetime | None = None
    next: NextStep | None = None
    decide_by: AwareDatetime | None = None
    texts: dict[str, str] = {}
    broadcast: Broadcast | None = None
    needs_assessment: list[Rule] = []


class RecallChanged(Event):
    """From outcomes to an agency: the state of a recall, by which a provider was asked to delete released fields.

    `fields` are the names of fields, never their values. ``overdue``: the provider has not answered by
    `acknowledge_by`, and an operator follows it up; ``acknowledged`` may still come. For `reason` see
    ``intake.recalled.v1``.
    """

    TYPE: ClassVar[str] = "outcomes.recall-changed.v1"

    agency: str
    reference: str
    referral_id: str
    need: str
    need_id: str
    attempt: int
    provider: str
    service: str
    recall: int
    fields: list[PersonalField]
    reason: str
    state: Literal["recalled", "overdue", "acknowledged"]
    since: AwareDatetime
    acknowledge_by: AwareDatetime


class AgencyInputRefused(Event):
    """From outcomes to an agency: a message from it was refused. What is wrong, by field, and what to do."""

    TYPE: ClassVar[str] = "outcomes.input-refused.v1"

    agency: str
    reference: str = ""
    referral_id: str
    sent: str
    problems: list[Problem]


class RecommendationAnswered(Event):
    """From outcomes to an agency: services that could help, for each need of its question. No place is taken."""

    TYPE: ClassVar[str] = "outcomes.recommended.v1"

    agency: str
    reference: str
    request_id: str
    needs: list[Suggestions]


class Noted(Event):
    """One event in the life of a need, for its timeline. Journaled by outcomes, not published.

    `what` is its name in the timeline. `state` is the lifecycle state that it leads to, if any: a reminder leads to
    none, nor does the end of one of several open offers. `category` to `requested_at` are there when the need was
    registered; `revision` counts its corrections. `broadcast`: the offer is one of several made at once.
    """

    TYPE: ClassVar[str] = "outcomes.noted.v1"

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    what: str
    state: Lifecycle | None = None
    attempt: int = 0
    at: AwareDatetime
    provider: str | None = None
    service: str | None = None
    provider_reference: str | None = None
    code: str | None = None
    by: DecidedBy | None = None
    missing: list[Document] = []
    next_by: AwareDatetime | None = None
    decide_by: AwareDatetime | None = None
    funnel: list[FunnelStep] = []
    broadcast: Broadcast | None = None
    revision: int = 0
    category: Category | None = None
    urgency: Urgency | None = None
    area: Admin1 | None = None
    requested_at: AwareDatetime | None = None
    needs_assessment: list[Rule] = []
    appointment_at: AwareDatetime | None = None
    overdue: DeadlineKind | None = None
    escalated: bool = False
    turn: int = 0


class StatusUndelivered(Event):
    """A status could not be delivered to the agency; `reason` is a code. Journaled by outcomes, not published."""

    TYPE: ClassVar[str] = "outcomes.not-told.v1"

    need_id: str
    state: Lifecycle
    attempt: int
    reason: str


class Indicator(Event):
    """From outcomes to analysts: the number of needs, by category, area and state at `as_of`.

    It counts needs sent from `window_start` until before `window_end`. `count` is null if it is above zero and below
    the threshold `k`. There are no totals, and no rows with a count of zero.
    """

    TYPE: ClassVar[str] = "statistics.indicator.v1"

    window_start: date
    window_end: date
    category: Category
    area: Admin1
    state: str
    count: int | None
    k: int
    as_of: AwareDatetime
