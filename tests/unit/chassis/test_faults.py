"""Every point at which a service can be told to die is passed somewhere, and none is passed that is not listed."""

import re
from pathlib import Path

import pytest

from services.chassis import faults
from services.chassis.faults import POINTS, crash_at

CHASSIS = Path(faults.__file__).parent


def test_the_list_of_points_is_that_of_the_code() -> None:
    code = "".join(file.read_text() for file in CHASSIS.glob("*.py"))
    assert set(re.findall(r'_fault\("(\w+)"\)', code)) == set(POINTS)


def test_it_dies_at_its_point_when_it_comes_there_the_time_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    deaths: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, signal: deaths.append(signal))
    passed = crash_at("stored:2")
    for step in ("stored", "published", "published"):
        passed(step)
    assert deaths == []
    passed("stored")
    assert deaths == [9]


def test_an_empty_text_never_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.kill", lambda pid, signal: pytest.fail("it died"))
    passed = crash_at("")
    for step in (*POINTS, ""):
        passed(step)
