"""A service as matching's decisions see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from contracts.provider import Service
from contracts.words import Fluency

from .geo import Point


def service_id(provider: str, service: str) -> str:
    """A service's id among all providers: two providers may use the same id of their own."""
    return f"{provider}/{service}"


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A service as a decision sees it. `id` is unique among all providers, `version` is ``<id>@<offset>``.

    `barred`: the provider may not take part (any more), by the registry of tenants. `at`: when the entry was published.
    `confirmed_until`: the last day on which it counts as confirmed; None: it always does. `look_on`: the first day on
    which its provider may have to be notified that it expires (`directory.expiry`); None: never.

    `capacity`, `point` (None: unknown or nowhere) and `languages` (with their level, if stated) repeat fields of
    `service`. They are read for each service that a need could go to: among a hundred thousand services every object is
    a cache miss, and a `Service` is dozens of objects.
    """

    id: str
    provider: str
    service: Service
    version: str
    barred: bool = False
    at: datetime | None = None
    confirmed_until: date | None = None
    look_on: date | None = None
    capacity: int = field(init=False, compare=False, repr=False)
    point: Point | None = field(init=False, compare=False, repr=False)
    languages: Mapping[str, Fluency | None] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        service = self.service
        point = None if service.latitude is None or service.longitude is None else (service.latitude, service.longitude)
        object.__setattr__(self, "capacity", service.capacity)
        object.__setattr__(self, "point", point)
        object.__setattr__(self, "languages", _shared(tuple(service.languages), tuple(service.language_levels.items())))


@lru_cache(maxsize=10_000)
def _shared(languages: tuple[str, ...], levels: tuple[tuple[str, Fluency], ...]) -> Mapping[str, Fluency | None]:
    """One mapping for all services that speak the same languages."""
    return {**dict.fromkeys(languages), **dict(levels)}
