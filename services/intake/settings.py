"""Intake's own settings."""

from typing import Annotated

from pydantic import Field

from services.chassis.sealing import Base64Key
from services.chassis.settings import ChassisSettings


class IntakeSettings(ChassisSettings):
    """The two secrets of the one service that can open personal data. Losing them loses every sealed person."""

    id_secret: Annotated[Base64Key, Field(description="32 bytes in base64, or @file: referral ids derive from it")]
    master_key: Annotated[Base64Key, Field(description="32 bytes in base64, or @file: wraps each referral's data key")]
    link_confidential: Annotated[
        bool,
        Field(
            description="whether a person is served once in confidential categories too; false: by each who is asked, "
            "which costs places and gives no sign at all that somebody is known"
        ),
    ] = True
    sweep: Annotated[float, Field(gt=0, description="wall seconds between sweeps for what a lost message missed")] = 30
