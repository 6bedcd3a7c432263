"""From each form that directories come in to HSDS 3's service, with all that belongs to it inside."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Nested = dict[str, Any]


def nested(document: Any) -> Iterator[Nested]:
    """Services of a JSON document: one, a list, a page of an API, or organisations with their services."""
    if isinstance(document, list):
        for each in document:
            yield from nested(each)
    elif "contents" in document:
        yield from nested(document["contents"])
    elif "services" in document:
        for each in document["services"]:
            yield {"organization": {"name": document.get("name", "")}, **each}
    else:
        yield document


def joined(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Nested]:
    """Services of tables that refer to each other by id, by table name (``services``, ``service_at_location``, ...)."""
    organizations = {row["id"]: row for row in tables.get("organizations", ())}
    locations = {row["id"]: row for row in tables.get("locations", ())}
    terms = {row["id"]: row for row in tables.get("taxonomy_terms", ())}
    of_service: dict[str, dict[str, list[Nested]]] = defaultdict(lambda: defaultdict(list))
    for table in ("schedules", "service_areas", "languages", "cost_options", "required_documents"):
        for row in tables.get(table, ()):
            of_service[row.get("service_id") or ""][table].append(dict(row))
    for row in tables.get("service_capacity", ()):
        of_service[row["service_id"]]["capacities"].append(dict(row))
    for row in tables.get("service_at_location", ()):
        at = {**row, "location": locations.get(row["location_id"])}
        of_service[row["service_id"]]["service_at_locations"].append(at)
    for row in tables.get("attributes", ()):
        term = terms.get(row.get("taxonomy_term_id") or "")
        if term is not None and row.get("link_entity") == "service":
            of_service[row["link_id"]]["attributes"].append({"taxonomy_term": term})
    for row in tables.get("services", ()):
        yield {**row, "organization": organizations.get(row.get("organization_id")), **of_service[row["id"]]}


_ALIASES = {
    "id": ("service_uuid", "service_id", "uuid", "id"),
    "name": ("service_name", "name"),
    "organization": ("organization_name", "organisation_name", "organization", "provider"),
    "minimum_age": ("service_min_age", "min_age", "minimum_age"),
    "maximum_age": ("service_max_age", "max_age", "maximum_age"),
    "areas": ("service_areas", "service_area", "areas", "coverage"),
    "categories": ("service_problem_codes", "categories", "taxonomy", "category"),
    "statuses": ("service_immigration_status", "immigration_status", "residence_status"),
    "status": ("service_status", "status"),
    "languages": ("service_languages", "languages"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng"),
    "capacity": ("service_capacity", "capacity", "places"),
    "income": ("service_income_limit", "income_limit"),
    "veteran": ("service_require_veteran", "require_veteran"),
    "custody": ("service_incarceration_status", "incarceration_status"),
    "military": ("service_military_status", "military_status"),
}
_NUMBERS = ("minimum_age", "maximum_age", "capacity", "income", "latitude", "longitude")
_FLAGS = ("veteran",)


def flat(rows: Iterable[Mapping[str | None, Any]]) -> Iterator[Nested]:
    """Services of a table with a row for each; lists are parted by semicolons. A row that is shifted says so."""
    for row in rows:
        named = {name: str(value or "").strip() for name, value in row.items() if name}
        said = {name: next((named[each] for each in also if named.get(each)), "") for name, also in _ALIASES.items()}
        nested_: Nested = {
            "id": said["id"],
            "name": said["name"],
            "organization": {"name": said["organization"]},
            "status": said["status"] or "active",
            "minimum_age": said["minimum_age"] or None,
            "maximum_age": said["maximum_age"] or None,
            "service_areas": [{"name": each} for each in _parts(said["areas"])],
            "attributes": [{"taxonomy_term": {"name": each}} for each in _parts(said["categories"])],
            "languages": [{"code": each} for each in _parts(said["languages"])],
            "statuses": _parts(said["statuses"]),
            "conditions": {
                "income up to so many percent of the poverty line": said["income"],
                "veterans only": said["veteran"] if said["veteran"].lower() in ("true", "yes", "1") else "",
                "custody": said["custody"],
                "military status": said["military"],
            },
        }
        if said["capacity"]:
            nested_["capacities"] = [{"maximum": said["capacity"]}]
        if said["latitude"] or said["longitude"]:
            at = {"latitude": said["latitude"], "longitude": said["longitude"]}
            nested_["service_at_locations"] = [{"location": at}]
        beyond = any(str(value or "").strip() for name, value in row.items() if not name)
        odd = [name for name in _NUMBERS if said[name] and not re.fullmatch(r"-?\d+(\.\d+)?", said[name])]
        odd += [name for name in _FLAGS if said[name].lower() not in ("", "true", "false", "yes", "no", "1", "0")]
        if beyond or odd:
            nested_["shifted"] = odd or ["beyond the last column"]
        yield nested_


def _parts(text: str) -> list[str]:
    return [each.strip() for each in text.split(";") if each.strip()]
