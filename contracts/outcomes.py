"""What outcomes tells agencies on ``agency.<id>.status`` and analysts on ``statistics.indicators``."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from .agency import Admin1
from .base import Event
from .intake import Problem
from .matching import Broadcast, FunnelStep, Suggestions
from .words import Category, DeadlineKind, DecidedBy, Document, Lifecycle, NextStep, PersonalField, Rule, Urgency


class StatusChanged(Event):
    """Where a need stands: what happened, since when, what comes next and by when.

    `what` happened at `at`: a `words.Lifecycle` that the need has come to, or a `words.Happening` that leaves it in its
    `state`, in which it has been `since`. `next` is who has to do what, `next_by` when that is due, where there is such
    a time; `decide_by` is when an offer ends that nobody decides. `code` is the coded reason of a decline,
    non-delivery, hold, withdrawal or unmet need; `missing` tells of a need on hold what to add to the referral;
    `funnel` tells for a waiting or unmet need how many services were left after each rule. `overdue` is what the
    provider was awaited for in vain, `escalated` when operators have been warned of it. `turn` counts what was said of
    an attempt without its state rising: check-ins, appointments moved or missed. With `broadcast` several services were
    asked at once, of which `provider` and `service` are one; for the order of statuses their attempts count as the
    first of them. `needs_assessment` tells for a matched need which rules of the service can't be decided from what is
    known: the service will look closer before it accepts. `reference` is the agency's own number, `provider_reference`
    the provider's. `texts` says it in a few sentences, by language (ISO 639-1: en, ru, be).
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
    """What became of telling a provider to delete what was released to it.

    `fields` are their names, never what stood in them. ``overdue``: the provider has not answered by `acknowledge_by`,
    and an operator sees to it; ``acknowledged`` may still follow. For `reason` see ``intake.recalled.v1``.
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
    """Something the agency sent could not be acted on: what is wrong with it, by field, and what to do."""

    TYPE: ClassVar[str] = "outcomes.input-refused.v1"

    agency: str
    reference: str = ""
    referral_id: str
    sent: str
    problems: list[Problem]


class RecommendationAnswered(Event):
    """What the person asked about could go to, need by need, as it stood when it was decided. Nothing is held."""

    TYPE: ClassVar[str] = "outcomes.recommended.v1"

    agency: str
    reference: str
    request_id: str
    needs: list[Suggestions]


class Noted(Event):
    """One thing that happened to a need, as outcomes keeps it: journaled, on no topic. The timeline reads these.

    `what` is its name in the timeline. `state` is the lifecycle state it brings, none where it brings none (a
    reminder, or the end of one of several offers of which others are open). `category` to `requested_at` stand in what
    intake has accepted, of which `revision` counts corrections. `broadcast`: of offers that were made at once.
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


class NotTold(Event):
    """A status of a need never reached its agency's topic (`reason`: a code of delivery). Journaled, on no topic."""

    TYPE: ClassVar[str] = "outcomes.not-told.v1"

    need_id: str
    state: Lifecycle
    attempt: int
    reason: str


class Indicator(Event):
    """Needs sent from `window_start` to before `window_end`, by category, area and state at `as_of`.

    `count` is null where it is above zero and below the threshold `k`. There are no totals and no cells of zero.
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
