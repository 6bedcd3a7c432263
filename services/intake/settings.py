"""Intake's own settings."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from services.chassis.encryption import Base64Key
from services.chassis.settings import ChassisSettings

from .domain.consent_rules import ConsentLimits

_Age = Annotated[int, Field(ge=13, le=18)]
_Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class IntakeSettings(ChassisSettings):
    """Two secrets, the time to acknowledge a recall, which consent counts, and how the duplicate check works.

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
    consent_age: Annotated[
        _Age,
        Field(description="from which age a person consents alone: 16, or what the law says (GDPR, art. 8)"),
    ] = 16
    consent_age_by_country: Annotated[
        dict[_Country, _Age],
        Field(
            default_factory=dict,
            description='countries where another age is law, such as {"LV": 13}: by the referral\'s region',
        ),
    ]
    consent_longest_years: Annotated[
        float, Field(gt=0, le=50, description="years after which a consent has to be asked for again")
    ] = 5
    sweep: Annotated[float, Field(gt=0, description="seconds between sweeps for what a lost message missed")] = 30

    @property
    def recall_within(self) -> timedelta:
        """`recall_acknowledge_hours` as a duration."""
        return timedelta(hours=self.recall_acknowledge_hours)

    @property
    def consent_limits(self) -> ConsentLimits:
        """What is set about consent."""
        longest = timedelta(days=365 * self.consent_longest_years)
        return ConsentLimits(self.consent_age, self.consent_age_by_country, longest)
