"""The numbers that matching is told, as its policy sees them. `settings.py` reads them from the environment."""

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

    `max_attempts` is how many offers may end without help before a need is unmet. `wait` is how long a need waits at
    most, `patience` after how much of it the need is promoted by one class. `retry_after` is when a service that was
    full or silent may be asked again, unless it has published a newer entry before.
    """

    max_attempts: int = 5
    wait: Mapping[Urgency, timedelta] = field(default_factory=lambda: _by_urgency(24, 7 * 24, 30 * 24))
    patience: Mapping[Urgency, timedelta] = field(default_factory=lambda: _by_urgency(12, 7 * 12, 30 * 12))
    retry_after: timedelta = timedelta(hours=24)
