"""A service as matching's decisions see it."""

from dataclasses import dataclass
from datetime import date, datetime

from contracts.provider import Service


def service_id(provider: str, service: str) -> str:
    """A service's id among all providers: two providers may use the same id of their own."""
    return f"{provider}/{service}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A service as a decision sees it. `id` is unique among all providers, `version` is ``<id>@<offset>``.

    `barred`: its provider may not take part (any more), as the registry of tenants says. `at` is when it was published.
    `confirmed_until` is the last day on which it counts as confirmed, `look_on` the first on which its provider may
    have to be told something of it (`lapsing`); None: always, never.
    """

    id: str
    provider: str
    service: Service
    version: str
    barred: bool = False
    at: datetime | None = None
    confirmed_until: date | None = None
    look_on: date | None = None
