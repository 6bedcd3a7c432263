"""Settings of outcomes: environment variables ``REFERRALS_…``."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from services.chassis.settings import ChassisSettings

from .domain.indicators import PublicationRules


class OutcomesSettings(ChassisSettings):
    """When indicators are published, which counts are suppressed, and how loop closure is measured."""

    k: Annotated[int, Field(ge=2, description="a cell that counts fewer needs is published as null")] = 5
    k_sensitive: Annotated[
        int, Field(ge=2, description="the same for protection, child-protection, gbv and trafficking")
    ] = 10
    window_days: Annotated[int, Field(ge=1, le=366, description="days in one window of the indicators")] = 1
    settle_hours: Annotated[
        float, Field(ge=0, description="hours from the end of a window until it is published, once")
    ] = 24
    indicators_every: Annotated[
        float, Field(gt=0, description="seconds between checks for settled windows, of the wall clock")
    ] = 60.0

    closure_days: Annotated[
        int, Field(ge=1, le=366, description="loop closure is measured over the needs sent in this many days")
    ] = 30
    closure_every: Annotated[
        float, Field(gt=0, description="seconds between measurements of loop closure, of the wall clock")
    ] = 60.0

    @property
    def publication_rules(self) -> PublicationRules:
        """The rules of publication of the indicators."""
        return PublicationRules(
            window_days=self.window_days,
            settle=timedelta(hours=self.settle_hours),
            k=self.k,
            k_sensitive=self.k_sensitive,
        )
