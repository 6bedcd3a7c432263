"""Intake's own settings."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from services.chassis.encryption import Base64Key
from services.chassis.settings import ChassisSettings


class IntakeSettings(ChassisSettings):
    """The two secrets of the one service that can open personal data, and how long a recall may stay unanswered.

    Losing the secrets loses every sealed person.
    """

    id_secret: Annotated[Base64Key, Field(description="32 bytes in base64, or @file: referral ids derive from it")]
    master_key: Annotated[Base64Key, Field(description="32 bytes in base64, or @file: wraps each referral's data key")]
    recall_acknowledge_hours: Annotated[
        float, Field(gt=0, le=8760, description="for a provider to say that it has deleted what was recalled")
    ] = 72
    link_confidential: Annotated[
        bool,
        Field(
            description="whether a person is served once also in confidential categories, and children and survivors; "
            "false: by each who is asked, since a second, different need could else end unmet, and nobody hear of it"
        ),
    ] = False
    sweep: Annotated[float, Field(gt=0, description="wall seconds between sweeps for what a lost message missed")] = 30

    @property
    def recall_within(self) -> timedelta:
        """What the policy is made with."""
        return timedelta(hours=self.recall_acknowledge_hours)
