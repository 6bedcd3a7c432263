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
    full or silent may be asked again, unless it has published a newer entry before. `at_once` is how many services a
    need is offered to at the same time; then one round of offers counts as one. `dispute_after` is for how many needs a
    service has to say "not eligible" until its rules are shown as disputed. `learns`: whether what is needed to learn
    from (`experience`) is written down.
    """

    max_attempts: int = 5
    wait: Mapping[Urgency, timedelta] = field(default_factory=lambda: _by_urgency(24, 7 * 24, 30 * 24))
    patience: Mapping[Urgency, timedelta] = field(default_factory=lambda: _by_urgency(12, 7 * 12, 30 * 12))
    retry_after: timedelta = timedelta(hours=24)
    at_once: Mapping[Urgency, int] = field(
        default_factory=lambda: {Urgency.EMERGENCY: 3, Urgency.URGENT: 1, Urgency.NORMAL: 1}
    )
    dispute_after: int = 3
    learns: bool = True
