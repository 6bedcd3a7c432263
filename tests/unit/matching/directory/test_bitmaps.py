"""When a field of an entry changes, the bitmaps that depend on it are updated."""

from datetime import date
from typing import Any

import pytest

from contracts.provider import Eligibility
from contracts.words import Document
from services.matching.directory.bitmaps import PARTS, changed_parts
from services.matching.model.entry import DirectoryEntry
from tests.support.builders import service

HERE = {"latitude": 52.1, "longitude": 23.7, "radius_km": 20}


@pytest.mark.parametrize(
    "change",
    [
        {"step_free": True},
        {"areas": ["BY-HO"]},
        {"radius_km": 30},
        {"latitude": 53.9},
        {"longitude": 27.5},
        {"languages": ["ps"]},
        {"capacity": 7},
        {"takes_referrals": False},
        {"valid_from": date(2026, 1, 1)},
        {"valid_to": date(2026, 1, 1)},
        {"documents": [Document.IDENTITY]},
        {"eligibility": Eligibility(maximum_age=17)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_parts_whose_keys_change_are_listed(change: dict[str, Any]) -> None:
    old, new = (DirectoryEntry("p1/beds", "p1", service(**{**HERE, **more}), "p1/beds@0") for more in ({}, change))
    expected = [part for part in PARTS if part.keys(old) != part.keys(new)]
    assert expected
    assert changed_parts(old, new) == expected
