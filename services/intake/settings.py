"""Intake's own settings."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from services.chassis.encryption import Base64Key
from services.chassis.settings import ChassisSettings


class IntakeSettings(ChassisSettings):
    """Two secrets, the time to acknowledge a recall, and how the duplicate check works.

    Intake is the only service that can open personal data. If the secrets are lost, every sealed person is lost.
    """

    id_secret: Annotated[Base64Key, Field(description="32 bytes in base64, or @file: referral ids derive from it")]
    master_key: Annotated[Base64Key, Field(description="32 bytes in base64, or @file: wraps each referral's data key")]
    recall_acknowledge_hours: Annotated[
        float, Field(gt=0, le=8760, description="hours for a provider to confirm that it deleted what was recalled")
    ] = 72
    link_confidential: Annotated[
        bool,
        Field(
            description="true: a person is served once also in confidential categories, as are children and survivors; "
            "false: every agency's need is served, since a second, different need could otherwise end unmet unnoticed"
        ),
    ] = False
    sweep: Annotated[float, Field(gt=0, description="seconds between sweeps for what a lost message missed")] = 30

    @property
    def recall_within(self) -> timedelta:
        """`recall_acknowledge_hours` as a duration."""
        return timedelta(hours=self.recall_acknowledge_hours)
