"""Reads HSDS in its three forms: entries are taken, taken with a warning, or refused with a reason."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.schedule import Weekday
from contracts.service import Cost
from contracts.words import CapacityUnit, Category, Document, Status
from services.console.hsds import ReadService, Vocabulary, flat, joined, nested, readings

EXAMPLES = Path(__file__).parents[5] / "shared/data/hsds/3.0-examples"
VOCABULARY = Vocabulary(
    areas={"brest": "BY-BR"},
    categories={"bh-1800": Category.SHELTER, "legal aid": Category.LEGAL},
    statuses={"asylum seeker": Status.ASYLUM_SEEKER, "widowed": None},
    timezone="Europe/Minsk",
)


def a_service(**changes: Any) -> dict[str, Any]:
    service = {
        "id": "s1",
        "name": "Beds",
        "organization": {"name": "Brest Shelter, Inc."},
        "status": "active",
        "service_areas": [{"name": "Brest"}],
        "attributes": [{"taxonomy_term": {"code": "BH-1800", "name": "Housing"}}],
    }
    return {**service, **changes}


def one(**changes: Any) -> ReadService:
    (result,) = readings(nested(a_service(**changes)), VOCABULARY)
    return result


def test_a_plain_service_is_taken() -> None:
    result = one(minimum_age=18, maximum_age=59, languages=[{"code": "ru"}])
    assert (result.kind, result.provider) == ("taken", "brest-shelter-inc")
    assert result.service is not None
    assert (result.service.categories, result.service.areas) == ([Category.SHELTER], ["BY-BR"])
    assert (result.service.eligibility.minimum_age, result.service.eligibility.maximum_age) == (18, 59)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"maximum_age": 999}, "a maximum age of 999 is no limit"),
        ({"statuses": ["Asylum seeker", "Widowed"]}, "the provider decides on 1 statuses that an entry cannot express"),
        ({"statuses": ["Not Eligible"]}, "the provider decides on 1 statuses that an entry cannot express"),
        ({"service_areas": [{"name": "Brest"}, {"name": "Atlantis"}]}, "1 areas are unknown: the provider decides"),
        ({"status": "temporarily closed"}, "is temporarily closed: it gets no offers"),
        ({"eligibility_description": "Ask us"}, "the provider decides: eligibility in its own words"),
        (
            {"required_documents": [{"document": "Case file"}]},
            "a required document of an unknown kind",
        ),
        ({"cost_options": [{"amount": 35}]}, "cost in words only"),
        ({"languages": [{"name": "Klingon"}]}, "a language without a code: left out"),
        ({"capacities": [{"available": 12, "maximum": 10}]}, "more places are free than exist"),
        ({"schedules": [{"freq": "MONTHLY", "bymonthday": "1"}]}, "opening hours that do not repeat weekly"),
        ({"capacities": [{"unit": {"name": "beds"}}]}, "a capacity without a number"),
    ],
)
def test_what_an_entry_cannot_express_gives_a_warning(changes: dict[str, Any], note: str) -> None:
    result = one(**changes)
    assert result.kind == "warned"
    assert any(each.startswith(note) for each in result.notes), result.notes


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"attributes": []}, "categories"),
        ({"minimum_age": 60, "maximum_age": 18}, "minimum_age is above maximum_age"),
        ({"minimum_age": "adults"}, "minimum_age"),
        ({"service_at_locations": [{"location": {"latitude": 100, "longitude": 101}}]}, "latitude"),
        ({"service_at_locations": [{"location": {"latitude": 52.1}}]}, ""),
        ({"id": None}, "service"),
        ({"status": "defunct"}, "its status is defunct"),
    ],
)
def test_an_impossible_entry_is_refused_with_the_reason(changes: dict[str, Any], note: str) -> None:
    result = one(**changes)
    assert result.kind == "refused"
    assert any(note in each for each in result.notes), result.notes


def test_known_statuses_become_a_rule_and_the_stated_capacity_is_used() -> None:
    result = one(statuses=["Asylum seeker"], capacities=[{"available": 2, "maximum": 10}]).service
    assert result is not None
    assert (result.eligibility.statuses, result.capacity) == ([Status.ASYLUM_SEEKER], 10)


def test_weekly_opening_hours_are_kept() -> None:
    result = one(schedules=[{"freq": "WEEKLY", "byday": "TH,FR", "opens_at": "10:00:00", "closes_at": "18:00"}]).service
    assert result is not None
    assert result.schedule is not None
    (opening,) = result.schedule.openings
    assert opening.days == [Weekday.THURSDAY, Weekday.FRIDAY]
    assert result.schedule.timezone == "Europe/Minsk"


def test_two_locations_are_two_entries_and_a_repeated_id_gets_a_number() -> None:
    at = [{"id": f"at{n}", "location": {"latitude": 52 + n, "longitude": 23}} for n in (0, 1)]
    result = list(readings(nested([a_service(service_at_locations=at), a_service(), a_service()]), VOCABULARY))
    assert [each.service and each.service.service for each in result] == ["at0", "at1", "s1", "s1-2"]
    assert [each.kind for each in result] == ["taken", "taken", "taken", "warned"]


def test_the_three_forms_give_the_same_entry() -> None:
    service = a_service()
    tables = {
        "organizations": [{"id": "o", "name": service["organization"]["name"]}],
        "services": [{"id": "s1", "organization_id": "o", "name": "Beds", "status": "active"}],
        "service_areas": [{"service_id": "s1", "name": "Brest"}],
        "taxonomy_terms": [{"id": "t", "code": "BH-1800"}],
        "attributes": [{"link_id": "s1", "link_entity": "service", "taxonomy_term_id": "t"}],
    }
    row: dict[str | None, Any] = {
        "service_id": "s1",
        "name": "Beds",
        "provider": "Brest Shelter, Inc.",
        "coverage": "Brest",
        "taxonomy": "BH-1800",
    }
    page = {"total_items": 1, "contents": [service]}
    organization = {
        "name": "Brest Shelter, Inc.",
        "services": [{k: v for k, v in service.items() if k != "organization"}],
    }
    forms = [nested(page), nested(organization), joined(tables), flat([row])]
    first, *others = [list(readings(form, VOCABULARY)) for form in forms]
    assert first[0].kind == "taken"
    assert others == [first] * 3


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({"min_age": "www.example.org"}, "minimum_age"),
        ({"require_veteran": "Brest"}, "veteran"),
        ({None: ["x"]}, "beyond"),
    ],
)
def test_a_row_that_is_shifted_is_refused(row: dict[str | None, Any], where: str) -> None:
    (result,) = readings(flat([{"id": "s1", "name": "Beds", "provider": "P", **row}]), VOCABULARY)
    assert result.kind == "refused"
    assert where in result.notes[0]


@pytest.mark.skipif(not EXAMPLES.exists(), reason=f"the data is not here: {EXAMPLES}")
def test_the_examples_of_the_standard_are_read_and_their_impossible_latitude_is_refused() -> None:
    vocabulary = Vocabulary(category=Category.MENTAL_HEALTH, area="US")
    full = list(readings(nested(json.loads((EXAMPLES / "service_full.json").read_text())), vocabulary))
    tables = {path.stem: list(csv.DictReader(path.open(newline=""))) for path in (EXAMPLES / "csv").glob("*.csv")}
    for result in (full, list(readings(joined(tables), vocabulary))):
        assert result
        assert all(each.kind == "refused" for each in result)
        assert any("latitude" in note for note in result[0].notes)
    (listed, *_) = readings(nested(json.loads((EXAMPLES / "service_list.json").read_text())), vocabulary)
    assert listed.kind == "warned", listed.notes


def test_capacity_documents_and_cost_are_kept_when_an_entry_can_express_them() -> None:
    capacity = {"available": 3, "maximum": 8, "unit": {"name": "Beds"}, "updated": "2026-02-01T09:00:00Z"}
    documents = [{"document": "Government-issued identification"}, {"document": "Passport"}, {"document": "Payslip"}]
    result = one(
        capacities=[capacity],
        required_documents=documents,
        cost_options=[{"option": "adult", "amount": 2.5, "currency": "usd"}],
    )
    assert (result.kind, result.notes) == ("taken", ())
    entry = result.service
    assert entry is not None
    assert (entry.capacity, entry.capacity_unit) == (8, CapacityUnit.BEDS)
    assert entry.capacity_updated == datetime(2026, 2, 1, 9, tzinfo=UTC)
    assert entry.documents == [Document.IDENTITY, Document.PROOF_OF_INCOME]
    assert entry.cost == Cost(amount=2.5, currency="USD", description="adult")
    free = one(cost_options=[{"amount": 0}]).service
    assert free is not None
    assert free.cost == Cost(free=True)
    vague = one(capacities=[{"available": 3, "unit": "chairs", "updated": "yesterday"}]).service
    assert vague is not None
    assert (vague.capacity_unit, vague.capacity_updated) == (CapacityUnit.PLACES, None)
