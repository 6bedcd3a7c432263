"""The numbers that matching is configured with, as its policy sees them. `settings` reads them from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from contracts.words import Urgency


def _by_urgency(emergency: float, urgent: float, normal: float) -> Mapping[Urgency, timedelta]:
    hours = {Urgency.EMERGENCY: emergency, Urgency.URGENT: urgent, Urgency.NORMAL: normal}
    return {urgency: timedelta(hours=each) for urgency, each in hours.items()}


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, and how long.

    - `max_attempts`: how many offers may end without help before a need is unmet.
    - `wait`: how long a need waits at most; `patience`: how much of that passes before it is promoted by one class.
    - `retry_after`: when a service that was full or silent may be asked again without having published a newer entry,
      by the urgency of the need. Each time after that, it is left alone for twice as long.
    - `at_once`: to how many services a need is offered at the same time. Such a round counts as one offer.
    - `dispute_after`: for how many needs a service has to answer "not eligible" until its rules count as disputed.
    - `learns`: whether the observations for prices (`pricing.observations`) are recorded.
    """

    max_attempts: int = 5
    wait: Mapping[Urgency, timedelta] = field(default_factory=lambda: _by_urgency(24, 7 * 24, 30 * 24))
    patience: Mapping[Urgency, timedelta] = field(default_factory=lambda: _by_urgency(12, 7 * 12, 30 * 12))
    retry_after: Mapping[Urgency, timedelta] = field(default_factory=lambda: _by_urgency(1, 6, 24))
    at_once: Mapping[Urgency, int] = field(
        default_factory=lambda: {Urgency.EMERGENCY: 3, Urgency.URGENT: 1, Urgency.NORMAL: 1}
    )
    dispute_after: int = 3
    learns: bool = True
