"""Settings of notification."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.words import Category, Urgency
from services.chassis.encryption import Base64Key
from services.chassis.settings import ChassisSettings

from .domain.deadlines import Deadline, Times

Minutes = Annotated[float, Field(gt=0, le=525_600)]

_WAITS = (Urgency.URGENT, Urgency.NORMAL)
_OFFICES = [Category.LEGAL, Category.DOCUMENTATION, Category.EDUCATION, Category.LANGUAGE, Category.EMPLOYMENT]


class OwnTimes(BaseModel):
    """The times of one category and urgency, in minutes; what is left out is the urgency's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    acknowledge: Minutes | None = None
    decide: Minutes | None = None
    start: Minutes | None = None
    close: Minutes | None = None
    escalate: Minutes | None = None
    grace: Minutes | None = None


class NotificationSettings(ChassisSettings):
    """How long providers have, and the keys of the gate."""

    acknowledge_emergency_minutes: Annotated[Minutes, Field(description="to acknowledge an emergency offer")] = 20
    acknowledge_urgent_minutes: Annotated[Minutes, Field(description="to acknowledge an urgent offer")] = 4 * 60
    acknowledge_normal_minutes: Annotated[Minutes, Field(description="to acknowledge a normal offer")] = 48 * 60
    decide_emergency_minutes: Annotated[Minutes, Field(description="to accept or decline an emergency offer")] = 60
    decide_urgent_minutes: Annotated[Minutes, Field(description="to accept or decline an urgent offer")] = 24 * 60
    decide_normal_minutes: Annotated[Minutes, Field(description="to accept or decline a normal offer")] = 72 * 60
    start_emergency_minutes: Annotated[Minutes, Field(description="from acceptance to help, in an emergency")] = 24 * 60
    start_urgent_minutes: Annotated[Minutes, Field(description="from acceptance to help, when urgent")] = 72 * 60
    start_normal_minutes: Annotated[Minutes, Field(description="from acceptance to help, when normal")] = 14 * 24 * 60
    close_emergency_minutes: Annotated[Minutes, Field(description="from the start of help to its outcome")] = (
        7 * 24 * 60
    )
    close_urgent_minutes: Annotated[Minutes, Field(description="from the start of help to its outcome")] = 30 * 24 * 60
    close_normal_minutes: Annotated[Minutes, Field(description="from the start of help to its outcome")] = 90 * 24 * 60
    escalate_emergency_minutes: Annotated[
        Minutes, Field(description="what is overdue in an emergency is escalated after")
    ] = 20
    escalate_urgent_minutes: Annotated[Minutes, Field(description="what is urgent and overdue is escalated after")] = (
        4 * 60
    )
    escalate_normal_minutes: Annotated[Minutes, Field(description="what is normal and overdue is escalated after")] = (
        12 * 60
    )
    grace_emergency_minutes: Annotated[
        Minutes, Field(description="accepted, not started, escalated: taken back after")
    ] = 4 * 60
    grace_urgent_minutes: Annotated[
        Minutes, Field(description="accepted, not started, escalated: taken back after")
    ] = 24 * 60
    grace_normal_minutes: Annotated[
        Minutes, Field(description="accepted, not started, escalated: taken back after")
    ] = 72 * 60
    times_by_category: Annotated[
        dict[Category, dict[Urgency, OwnTimes]],
        Field(
            description="minutes that differ for a category, as JSON such as "
            '{"legal": {"normal": {"decide": 7200}}}; acknowledge, decide, start, close, escalate, grace'
        ),
    ] = {}  # noqa: RUF012  # pydantic copies it
    opening_hours_categories: Annotated[
        list[Category],
        Field(description="categories whose times count only while the service is open, a JSON list"),
    ] = _OFFICES
    opening_hours_emergencies: Annotated[
        bool, Field(description="in these categories emergencies wait for opening hours as well")
    ] = False
    check_ins: Annotated[int, Field(ge=0, le=100, description="how often a provider may set one clock anew")] = 2
    intake_key: Annotated[
        Base64Key,
        Field(description="intake's raw X25519 public key, base64 or @file; providers' notes are sealed to it"),
    ]
    hash_key: Annotated[
        Base64Key,
        Field(
            description="keys the hash of answers: 32 bytes in base64, or @file; the same on every instance, for ever"
        ),
    ]

    @model_validator(mode="after")
    def _acknowledged_before_decided(self) -> Self:
        times = self.times
        named = [(urgency.value, deadline) for urgency, deadline in times.by_urgency.items()]
        named += [
            (f"{category.value}, {urgency.value}", each) for (category, urgency), each in times.by_category.items()
        ]
        for what, deadline in named:
            if deadline.acknowledge >= deadline.decide:
                raise ValueError(f"{what}: the time to acknowledge must be shorter than the time to decide")
        return self

    @property
    def deadlines(self) -> dict[Urgency, Deadline]:
        """What holds for a category that has no times of its own."""
        return {
            urgency: Deadline(
                **{
                    what: timedelta(minutes=getattr(self, f"{what}_{urgency.value}_minutes"))
                    for what in OwnTimes.model_fields
                }
            )
            for urgency in Urgency
        }

    @property
    def times(self) -> Times:
        """What the policy is made with."""
        deadlines = self.deadlines
        counted = (Urgency.EMERGENCY, *_WAITS) if self.opening_hours_emergencies else _WAITS
        return Times(
            by_urgency=deadlines,
            by_category={
                (category, urgency): replace(
                    deadlines[urgency],
                    **{what: timedelta(minutes=each) for what, each in own.model_dump(exclude_none=True).items()},
                )
                for category, by_urgency in self.times_by_category.items()
                for urgency, own in by_urgency.items()
            },
            opening_hours={(each, urgency) for each in self.opening_hours_categories for urgency in counted},
            check_ins=self.check_ins,
        )
