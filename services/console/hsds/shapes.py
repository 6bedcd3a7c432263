"""Brings each form of an HSDS directory to one shape: services with everything that belongs to them nested inside."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Nested = dict[str, Any]


def nested(document: Any) -> Iterator[Nested]:
    """The services of a JSON document: one service, a list, a page of an API, or organisations with their services."""
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
    """The services of tables that refer to each other by id. `tables` is by table name, such as ``services``."""
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
    """The services of one table with a row for each; lists are separated by semicolons.

    A row whose cells seem to be shifted gets a field `shifted` with the names of the fields that show it.
    """
    for row in rows:
        cells = {name: str(value or "").strip() for name, value in row.items() if name}
        values = {
            name: next((cells[alias] for alias in aliases if cells.get(alias)), "")
            for name, aliases in _ALIASES.items()
        }
        nested_: Nested = {
            "id": values["id"],
            "name": values["name"],
            "organization": {"name": values["organization"]},
            "status": values["status"] or "active",
            "minimum_age": values["minimum_age"] or None,
            "maximum_age": values["maximum_age"] or None,
            "service_areas": [{"name": each} for each in _parts(values["areas"])],
            "attributes": [{"taxonomy_term": {"name": each}} for each in _parts(values["categories"])],
            "languages": [{"code": each} for each in _parts(values["languages"])],
            "statuses": _parts(values["statuses"]),
            "conditions": {
                "income up to so many percent of the poverty line": values["income"],
                "veterans only": values["veteran"] if values["veteran"].lower() in ("true", "yes", "1") else "",
                "custody": values["custody"],
                "military status": values["military"],
            },
        }
        if values["capacity"]:
            nested_["capacities"] = [{"maximum": values["capacity"]}]
        if values["latitude"] or values["longitude"]:
            at = {"latitude": values["latitude"], "longitude": values["longitude"]}
            nested_["service_at_locations"] = [{"location": at}]
        beyond = any(str(value or "").strip() for name, value in row.items() if not name)
        odd = [name for name in _NUMBERS if values[name] and not re.fullmatch(r"-?\d+(\.\d+)?", values[name])]
        odd += [name for name in _FLAGS if values[name].lower() not in ("", "true", "false", "yes", "no", "1", "0")]
        if beyond or odd:
            nested_["shifted"] = odd or ["beyond the last column"]
        yield nested_


def _parts(text: str) -> list[str]:
    return [each.strip() for each in text.split(";") if each.strip()]
