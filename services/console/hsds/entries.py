"""From HSDS 3 services to directory entries, one for each location of a service."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contracts.eligibility import Eligibility
from contracts.service import Service
from services.chassis.ingress.validation_errors import problems_of

from . import fields
from .fields import Vocabulary
from .shapes import Nested


@dataclass(frozen=True, slots=True)
class ReadService:
    """The result for one entry: a service, with any warnings in `notes`; or no service, with the reasons in `notes`."""

    provider: str
    service: Service | None
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``taken``, ``warned`` or ``refused``."""
        return "refused" if self.service is None else "warned" if self.notes else "taken"


def slug(name: str) -> str:
    """An organisation's name as a tenant id."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def readings(services: Iterable[Nested], vocabulary: Vocabulary) -> list[ReadService]:
    """The results for every service, one for each of its locations."""
    seen: Counter[tuple[str, str]] = Counter()
    return [result for source in services for result in _service(source, vocabulary, seen)]


def _service(source: Nested, vocabulary: Vocabulary, seen: Counter[tuple[str, str]]) -> Iterator[ReadService]:
    provider = slug((source.get("organization") or {}).get("name") or "")
    if source.get("shifted"):
        yield ReadService(provider, None, (f"the row is shifted: see {', '.join(source['shifted'])}",))
        return
    if source.get("status") == "defunct":
        yield ReadService(provider, None, ("the service no longer exists (its status is defunct)",))
        return
    notes: list[str] = []
    common = _common_fields(source, vocabulary, notes)
    places = source.get("service_at_locations") or [{}]
    for number, place in enumerate(places):
        own_notes = list(notes)
        key = _key(source, place, len(places), provider, seen, own_notes)
        try:
            service = Service(**common, service=key, **_fields_of_location(source, place, vocabulary, own_notes))
        except ValidationError as error:
            yield ReadService(provider, None, tuple(f"{each.field}: {each.fix}" for each in problems_of(error)))
            continue
        if number and not place.get("location"):
            own_notes.append("one of its locations is unknown")
        yield ReadService(provider, service, tuple(own_notes))


def _common_fields(source: Nested, vocabulary: Vocabulary, notes: list[str]) -> dict[str, Any]:
    """The fields that are the same at all locations."""
    common = {
        "name": str(source.get("name") or "")[:200],
        "categories": fields.categories(source, vocabulary, notes),
        "capacity": fields.capacity(source, vocabulary, notes),
        "languages": fields.languages(source, notes),
        "areas": fields.areas(source, vocabulary, notes),
        "takes_referrals": fields.takes_referrals(source, notes),
        **fields.capacity_details(source),
        "documents": fields.documents(source, notes),
        "cost": fields.cost(source, notes),
    }
    fields.note_conditions_in_words(source, notes)
    return common


def _key(
    source: Nested, place: Nested, places: int, provider: str, seen: Counter[tuple[str, str]], notes: list[str]
) -> str:
    """The id of the entry: that of the location when there are several, else of the service."""
    key = str((place.get("id") if places > 1 else None) or source.get("id") or "")
    seen[provider, key] += 1
    if seen[provider, key] > 1:  # under the same key the second entry would replace the first
        notes.append("the id is used twice: a number was added")
        return f"{key}-{seen[provider, key]}"
    return key


def _fields_of_location(source: Nested, place: Nested, vocabulary: Vocabulary, notes: list[str]) -> dict[str, Any]:
    """Eligibility, opening hours and coordinates at one location."""
    location = place.get("location") or {}
    hours = place.get("schedules") or source.get("schedules") or []
    eligibility = Eligibility(
        **fields.ages(source, notes),
        **fields.statuses(source, vocabulary, notes),
        description=fields.conditions_in_words(source),
    )
    coordinates = {name: location[name] for name in ("latitude", "longitude") if location.get(name) not in (None, "")}
    return {"eligibility": eligibility, "schedule": fields.schedule(hours, vocabulary, notes), **coordinates}
