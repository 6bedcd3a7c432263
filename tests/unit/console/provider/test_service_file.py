"""A provider's file of services: HSDS, a table, or directory entries."""

import json
from pathlib import Path

import pytest

from contracts.words import Category, Status
from services.console.provider.service_file import ProviderTerms, read
from services.console.shared.errors import UserError

SAMPLES = Path(__file__).parents[4] / "deploy" / "samples"
TERMS = ProviderTerms.read(SAMPLES / "words.toml")
ENTRY = {"service": "beds", "name": "Beds", "categories": ["shelter"], "capacity": 12, "areas": ["PL-06"]}


def test_the_sample_table_is_read() -> None:
    results = read((SAMPLES / "services.csv").read_bytes(), TERMS)
    services = [each.service for each in results if each.service]
    assert [(each.kind, each.notes) for each in results] == [("taken", ())] * 3
    assert [(each.service, each.capacity) for each in services] == [("beds", 4), ("family-rooms", 2), ("advice", 6)]
    assert services[2].categories == [Category.LEGAL, Category.DOCUMENTATION]
    assert services[2].areas == ["PL-06", "PL-20"]
    assert services[2].eligibility.statuses == [Status.ASYLUM_SEEKER, Status.IRREGULAR, Status.PROTECTED]
    assert services[0].eligibility.minimum_age == 18


def test_hsds_with_our_codes_is_read_and_what_an_entry_cannot_express_gives_a_warning() -> None:
    [result] = read((SAMPLES / "services.json").read_bytes(), TERMS)
    assert result.service is not None
    assert (result.service.categories, result.service.areas) == ([Category.FOOD], ["PL-06"])
    assert (result.service.capacity, result.kind) == (60, "warned")
    assert result.notes == ("cost in words only: no single amount with its currency",)
    assert result.service.schedule is not None


def test_a_directory_entry_is_taken_unchanged_and_a_typo_is_refused() -> None:
    [good, bad] = read(json.dumps([ENTRY, {**ENTRY, "service": "b", "capcity": 1}]).encode(), ProviderTerms())
    assert (good.kind, bad.kind) == ("taken", "refused")
    assert good.service is not None
    assert good.service.capacity == 12
    assert "capcity: is an unknown field: did you mean 'capacity'?" in bad.notes[0]


def test_a_service_without_a_number_of_places_counts_as_full_with_a_note() -> None:
    [row] = read(b"id;name;category;area\nx;X;food;PL-06\n", ProviderTerms())
    assert row.service is not None
    assert row.service.capacity == 0
    assert row.notes[0].startswith("no area") or row.notes[-1].startswith("no capacity")
    [assumed] = read(b"id;name;category;coverage\nx;X;food;PL-06\n", ProviderTerms(capacity=3))
    assert (assumed.service and assumed.service.capacity, assumed.notes) == (3, ())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "no service in the file"),
        (b"id,name\n", "no service in the file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[{", "line 1 of the file is not valid JSON"),
        (b"[1]", "do not follow HSDS"),
        (json.dumps([ENTRY, ENTRY]).encode(), "two services have the id beds"),
    ],
)
def test_an_invalid_file_is_reported(raw: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(raw, ProviderTerms())


@pytest.mark.parametrize(
    ("text", "message"),
    [("areas = 1", "areas"), ("timezone = 'Mars'", "IANA"), ("[areas]\nx = 'here'", "ISO 3166"), ("[", "not TOML")],
)
def test_invalid_terms_are_reported(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "words.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        ProviderTerms.read(path)
