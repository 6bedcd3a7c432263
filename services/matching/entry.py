"""A service as matching's decisions see it."""

from dataclasses import dataclass
from datetime import datetime

from contracts.provider import Service


def service_id(provider: str, service: str) -> str:
    """A service's id among all providers: two providers may use the same id of their own."""
    return f"{provider}/{service}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A service as a decision sees it. `id` is unique among all providers, `version` is ``<id>@<offset>``.

    `barred`: its provider may not take part (any more), as the registry of tenants says. `at` is when it was published.
    """

    id: str
    provider: str
    service: Service
    version: str
    barred: bool = False
    at: datetime | None = None
