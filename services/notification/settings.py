"""Settings of notification."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.words import Urgency
from services.chassis.sealing import Base64Key
from services.chassis.settings import ChassisSettings

from .policy import Deadline

Minutes = Annotated[float, Field(gt=0, le=525_600)]


class NotificationSettings(ChassisSettings):
    """How long providers have, and the keys of the gate."""

    acknowledge_emergency_minutes: Annotated[Minutes, Field(description="to acknowledge an emergency offer")] = 20
    acknowledge_urgent_minutes: Annotated[Minutes, Field(description="to acknowledge an urgent offer")] = 4 * 60
    acknowledge_normal_minutes: Annotated[Minutes, Field(description="to acknowledge a normal offer")] = 48 * 60
    decide_emergency_minutes: Annotated[Minutes, Field(description="to accept or decline an emergency offer")] = 60
    decide_urgent_minutes: Annotated[Minutes, Field(description="to accept or decline an urgent offer")] = 24 * 60
    decide_normal_minutes: Annotated[Minutes, Field(description="to accept or decline a normal offer")] = 72 * 60
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
        for urgency, deadline in self.deadlines.items():
            if deadline.acknowledge >= deadline.decide:
                raise ValueError(f"{urgency.value}: the time to acknowledge must be shorter than the time to decide")
        return self

    @property
    def deadlines(self) -> dict[Urgency, Deadline]:
        """What the policy is made with."""
        return {
            urgency: Deadline(timedelta(minutes=acknowledge), timedelta(minutes=decide))
            for urgency, acknowledge, decide in (
                (Urgency.EMERGENCY, self.acknowledge_emergency_minutes, self.decide_emergency_minutes),
                (Urgency.URGENT, self.acknowledge_urgent_minutes, self.decide_urgent_minutes),
                (Urgency.NORMAL, self.acknowledge_normal_minutes, self.decide_normal_minutes),
            )
        }
