"""Settings of notification: environment variables ``REFERRALS_…``."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.words import Category, Urgency
from services.chassis.encryption import Base64Key
from services.chassis.settings import ChassisSettings

from .domain.deadlines import DeadlineRules, TimeLimits

Minutes = Annotated[float, Field(gt=0, le=525_600)]

_HOUR = 60
_DAY = 24 * _HOUR
_OFFICE_CATEGORIES = [
    Category.LEGAL,
    Category.DOCUMENTATION,
    Category.EDUCATION,
    Category.LANGUAGE,
    Category.EMPLOYMENT,
]


class CategoryLimits(BaseModel):
    """The time limits of one category and urgency, in minutes. A limit that is left out is the urgency's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    acknowledge: Minutes | None = None
    decide: Minutes | None = None
    start: Minutes | None = None
    close: Minutes | None = None
    escalate: Minutes | None = None
    grace: Minutes | None = None


def _minutes(default: float, description: str) -> Any:
    return Field(default, description=description)


class NotificationSettings(ChassisSettings):
    """How long providers have for each step, and the keys of the gate."""

    acknowledge_emergency_minutes: Minutes = _minutes(20, "time to acknowledge an emergency offer")
    acknowledge_urgent_minutes: Minutes = _minutes(4 * _HOUR, "time to acknowledge an urgent offer")
    acknowledge_normal_minutes: Minutes = _minutes(2 * _DAY, "time to acknowledge a normal offer")
    decide_emergency_minutes: Minutes = _minutes(_HOUR, "time to accept or decline an emergency offer")
    decide_urgent_minutes: Minutes = _minutes(_DAY, "time to accept or decline an urgent offer")
    decide_normal_minutes: Minutes = _minutes(3 * _DAY, "time to accept or decline a normal offer")
    start_emergency_minutes: Minutes = _minutes(_DAY, "time from acceptance to the start of help, in an emergency")
    start_urgent_minutes: Minutes = _minutes(3 * _DAY, "time from acceptance to the start of help, for an urgent need")
    start_normal_minutes: Minutes = _minutes(14 * _DAY, "time from acceptance to the start of help, for a normal need")
    close_emergency_minutes: Minutes = _minutes(7 * _DAY, "time from the start of help to its outcome, in an emergency")
    close_urgent_minutes: Minutes = _minutes(
        30 * _DAY, "time from the start of help to its outcome, for an urgent need"
    )
    close_normal_minutes: Minutes = _minutes(90 * _DAY, "time from the start of help to its outcome, for a normal need")
    escalate_emergency_minutes: Minutes = _minutes(20, "time from overdue to escalated, in an emergency")
    escalate_urgent_minutes: Minutes = _minutes(4 * _HOUR, "time from overdue to escalated, for an urgent need")
    escalate_normal_minutes: Minutes = _minutes(12 * _HOUR, "time from overdue to escalated, for a normal need")
    grace_emergency_minutes: Minutes = _minutes(
        4 * _HOUR, "time from escalation until an accepted offer that was not started expires, in an emergency"
    )
    grace_urgent_minutes: Minutes = _minutes(_DAY, "the same, for an urgent need")
    grace_normal_minutes: Minutes = _minutes(3 * _DAY, "the same, for a normal need")
    times_by_category: Annotated[
        dict[Category, dict[Urgency, CategoryLimits]],
        Field(
            description="minutes that differ for a category, as JSON such as "
            '{"legal": {"normal": {"decide": 7200}}}; acknowledge, decide, start, close, escalate, grace'
        ),
    ] = {}  # noqa: RUF012  # pydantic copies it
    opening_hours_categories: Annotated[
        list[Category],
        Field(description="categories whose time counts only while the service is open, as a JSON list"),
    ] = _OFFICE_CATEGORIES
    opening_hours_emergencies: Annotated[
        bool, Field(description="whether emergencies in these categories wait for opening hours as well")
    ] = False
    check_ins: Annotated[int, Field(ge=0, le=100, description="how often a provider may restart one clock")] = 2
    intake_key: Annotated[
        Base64Key,
        Field(description="intake's raw X25519 public key, base64 or @file; encrypts providers' notes to intake"),
    ]
    hash_key: Annotated[
        Base64Key,
        Field(description="32 bytes in base64, or @file; keys the hash of answers; never change it, on any instance"),
    ]

    @model_validator(mode="after")
    def _time_to_acknowledge_is_shorter_than_time_to_decide(self) -> Self:
        rules = self.deadline_rules
        limits = {urgency.value: each for urgency, each in rules.by_urgency.items()}
        limits |= {
            f"{category.value}, {urgency.value}": each for (category, urgency), each in rules.by_category.items()
        }
        for kind_of_need, each in limits.items():
            if each.acknowledge >= each.decide:
                raise ValueError(f"{kind_of_need}: the time to acknowledge must be shorter than the time to decide")
        return self

    @property
    def limits_by_urgency(self) -> dict[Urgency, TimeLimits]:
        """The time limits of categories that have none of their own."""
        return {
            urgency: TimeLimits(
                **{
                    limit: timedelta(minutes=getattr(self, f"{limit}_{urgency.value}_minutes"))
                    for limit in CategoryLimits.model_fields
                }
            )
            for urgency in Urgency
        }

    @property
    def deadline_rules(self) -> DeadlineRules:
        """The rules that the policy decides by."""
        by_urgency = self.limits_by_urgency
        by_category = {
            (category, urgency): _override(by_urgency[urgency], own)
            for category, own_limits in self.times_by_category.items()
            for urgency, own in own_limits.items()
        }
        urgencies = [each for each in Urgency if each is not Urgency.EMERGENCY or self.opening_hours_emergencies]
        return DeadlineRules(
            by_urgency=by_urgency,
            by_category=by_category,
            opening_hours={(category, urgency) for category in self.opening_hours_categories for urgency in urgencies},
            check_ins=self.check_ins,
        )


def _override(limits: TimeLimits, own: CategoryLimits) -> TimeLimits:
    minutes = own.model_dump(exclude_none=True)
    return replace(limits, **{limit: timedelta(minutes=value) for limit, value in minutes.items()})
