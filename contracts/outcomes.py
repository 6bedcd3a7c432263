"""What outcomes tells agencies on ``agency.<id>.status`` and analysts on ``statistics.indicators``."""

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime

from .agency import Admin1
from .base import Event
from .intake import Problem
from .matching import Eliminated
from .words import Category, Lifecycle


class StatusChanged(Event):
    """Where a need stands. `next_by` is when the next step is due, where there is one.

    `code` is the coded reason of a decline, non-delivery, withdrawal or unmet need; `funnel` tells for a waiting or
    unmet need how many services were left after each rule.
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
    next_by: AwareDatetime | None = None
    funnel: list[Eliminated] = []


class InputRefused(Event):
    """Something the agency sent could not be acted on: what is wrong with it, by field, and what to do."""

    TYPE: ClassVar[str] = "outcomes.input-refused.v1"

    agency: str
    reference: str = ""
    referral_id: str
    sent: str
    problems: list[Problem]


class Indicator(Event):
    """Needs sent in one window, by category, area and state at `as_of`. `count` is null below the threshold `k`."""

    TYPE: ClassVar[str] = "statistics.indicator.v1"

    window_start: date
    window_end: date
    category: Category
    area: Admin1
    state: str
    count: int | None
    k: int
    as_of: AwareDatetime
