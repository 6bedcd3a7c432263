"""Settings of outcomes."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from services.chassis.settings import ChassisSettings

from .domain.indicators import Disclosure


class OutcomesSettings(ChassisSettings):
    """When indicators are published, and what is held back."""

    k: Annotated[int, Field(ge=2, description="a published cell counts this many needs, or is null")] = 5
    k_sensitive: Annotated[
        int, Field(ge=2, description="the same for protection, child-protection, gbv and trafficking")
    ] = 10
    window_days: Annotated[int, Field(ge=1, le=366, description="days in one window of the indicators")] = 1
    settle_hours: Annotated[float, Field(ge=0, description="hours from a window's end until it is published, once")] = (
        24
    )
    indicators_every: Annotated[
        float, Field(gt=0, description="how often settled windows are looked for, seconds of the wall clock")
    ] = 60.0

    closure_days: Annotated[
        int, Field(ge=1, le=366, description="loop-closure is measured over the needs sent in so many days")
    ] = 30
    closure_every: Annotated[
        float, Field(gt=0, description="how often loop-closure is measured, seconds of the wall clock")
    ] = 60.0

    @property
    def disclosure(self) -> Disclosure:
        """What `indicators` is called with."""
        return Disclosure(
            window_days=self.window_days,
            settle=timedelta(hours=self.settle_hours),
            k=self.k,
            k_sensitive=self.k_sensitive,
        )
