"""Settings of matching."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.words import Urgency
from services.chassis.settings import ChassisSettings

from .model.limits import Limits

Hours = Annotated[float, Field(gt=0, le=24 * 365)]
AtOnce = Annotated[int, Field(ge=1, le=10)]


class MatchingSettings(ChassisSettings):
    """How long needs wait, and how often they are offered."""

    max_attempts: Annotated[
        int, Field(ge=1, le=100, description="rounds of offers that may fail before a need is unmet")
    ] = 5
    at_once_emergency: Annotated[AtOnce, Field(description="services an emergency need is offered to at once")] = 3
    at_once_urgent: Annotated[AtOnce, Field(description="services an urgent need is offered to at once")] = 1
    at_once_normal: Annotated[AtOnce, Field(description="services a normal need is offered to at once")] = 1
    dispute_after: Annotated[
        int, Field(ge=1, description="needs that a service says are not eligible until its rules are shown as disputed")
    ] = 3
    wait_emergency_hours: Annotated[Hours, Field(description="longest wait of an emergency need")] = 24
    wait_urgent_hours: Annotated[Hours, Field(description="longest wait of an urgent need")] = 7 * 24
    wait_normal_hours: Annotated[Hours, Field(description="longest wait of a normal need")] = 30 * 24
    patience_emergency_hours: Annotated[
        Hours, Field(description="patience of an emergency need: then it is overdue")
    ] = 12
    patience_urgent_hours: Annotated[Hours, Field(description="patience of an urgent need: then it is overdue")] = (
        7 * 12
    )
    patience_normal_hours: Annotated[Hours, Field(description="patience of a normal need: then it is overdue")] = (
        30 * 12
    )
    retry_after_emergency_hours: Annotated[
        Hours, Field(description="time until a full or silent service is asked again for an emergency need")
    ] = 1
    retry_after_urgent_hours: Annotated[Hours, Field(description="the same for an urgent need")] = 6
    retry_after_normal_hours: Annotated[Hours, Field(description="the same for a normal need")] = 24
    prices_minutes: Annotated[
        float,
        Field(
            ge=0,
            le=24 * 60,
            description="minutes between two price sets, which are computed from recent needs; 0: no prices",
        ),
    ] = 30
    stale_after_days: Annotated[
        int, Field(ge=1, le=3650, description="days after which an entry that is not published again is no longer used")
    ] = 365
    sweep: Annotated[
        float, Field(gt=0, description="seconds between sweeps, which repeat what lost messages missed")
    ] = 5

    @model_validator(mode="after")
    def _patience_within_wait(self) -> Self:
        limits = self.limits
        for urgency, patience in limits.patience.items():
            if patience > limits.wait[urgency]:
                raise ValueError(f"{urgency.value}: the patience must not be longer than the longest wait")
        return self

    @property
    def stale_after(self) -> timedelta:
        """How long an entry counts as confirmed."""
        return timedelta(days=self.stale_after_days)

    @property
    def limits(self) -> Limits:
        """The settings that the policy and the jobs use."""
        hours = {
            Urgency.EMERGENCY: (self.wait_emergency_hours, self.patience_emergency_hours),
            Urgency.URGENT: (self.wait_urgent_hours, self.patience_urgent_hours),
            Urgency.NORMAL: (self.wait_normal_hours, self.patience_normal_hours),
        }
        return Limits(
            max_attempts=self.max_attempts,
            wait={urgency: timedelta(hours=wait) for urgency, (wait, _) in hours.items()},
            patience={urgency: timedelta(hours=patience) for urgency, (_, patience) in hours.items()},
            retry_after={
                Urgency.EMERGENCY: timedelta(hours=self.retry_after_emergency_hours),
                Urgency.URGENT: timedelta(hours=self.retry_after_urgent_hours),
                Urgency.NORMAL: timedelta(hours=self.retry_after_normal_hours),
            },
            at_once={
                Urgency.EMERGENCY: self.at_once_emergency,
                Urgency.URGENT: self.at_once_urgent,
                Urgency.NORMAL: self.at_once_normal,
            },
            dispute_after=self.dispute_after,
            learns=self.prices_minutes > 0,
        )
