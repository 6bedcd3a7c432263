"""A provider's file of services: HSDS, a table, or entries as the contract has them."""

import json
from pathlib import Path

import pytest

from contracts.words import Category, Status
from services.console.provider.service_file import Words, read
from services.console.shared.errors import UserError

SAMPLES = Path(__file__).parents[4] / "deploy" / "samples"
WORDS = Words.read(SAMPLES / "words.toml")
ENTRY = {"service": "beds", "name": "Beds", "categories": ["shelter"], "capacity": 12, "areas": ["PL-06"]}


def test_the_sample_table_says_what_it_means() -> None:
    found = read((SAMPLES / "services.csv").read_bytes(), WORDS)
    services = [each.service for each in found if each.service]
    assert [(each.kind, each.notes) for each in found] == [("taken", ())] * 3
    assert [(each.service, each.capacity) for each in services] == [("beds", 4), ("family-rooms", 2), ("advice", 6)]
    assert services[2].categories == [Category.LEGAL, Category.DOCUMENTATION]
    assert services[2].areas == ["PL-06", "PL-20"]
    assert services[2].eligibility.statuses == [Status.ASYLUM_SEEKER, Status.IRREGULAR, Status.PROTECTED]
    assert services[0].eligibility.minimum_age == 18


def test_hsds_is_read_with_codes_of_ours_and_what_an_entry_can_not_say_is_warned_of() -> None:
    [found] = read((SAMPLES / "services.json").read_bytes(), WORDS)
    assert found.service is not None
    assert (found.service.categories, found.service.areas) == ([Category.FOOD], ["PL-06"])
    assert (found.service.capacity, found.kind) == (60, "warned")
    assert found.notes == ("cost in words only: no single amount with its currency",)
    assert found.service.schedule is not None


def test_an_entry_as_the_contract_has_it_is_taken_as_it_is_and_a_typo_is_refused() -> None:
    [good, bad] = read(json.dumps([ENTRY, {**ENTRY, "service": "b", "capcity": 1}]).encode(), Words())
    assert (good.kind, bad.kind) == ("taken", "refused")
    assert good.service is not None
    assert good.service.capacity == 12
    assert "remove the unknown field" in bad.notes[0]


def test_without_a_number_of_places_a_service_is_full_and_that_is_said() -> None:
    [row] = read(b"id;name;category;area\nx;X;food;PL-06\n", Words())
    assert row.service is not None
    assert row.service.capacity == 0
    assert row.notes[0].startswith("no area") or row.notes[-1].startswith("no capacity")
    [assumed] = read(b"id;name;category;coverage\nx;X;food;PL-06\n", Words(capacity=3))
    assert (assumed.service and assumed.service.capacity, assumed.notes) == (3, ())


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "no service in the file"),
        (b"id,name\n", "no service in the file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[{", "is not JSON: line 1"),
        (b"[1]", "not as HSDS has services"),
        (json.dumps([ENTRY, ENTRY]).encode(), "two services have the id beds"),
    ],
)
def test_what_is_no_file_of_services_is_said(raw: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(raw, Words())


@pytest.mark.parametrize(
    ("text", "said"),
    [("areas = 1", "areas"), ("timezone = 'Mars'", "IANA"), ("[areas]\nx = 'here'", "ISO 3166"), ("[", "not TOML")],
)
def test_words_that_can_not_be_used_are_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "words.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        Words.read(path)
