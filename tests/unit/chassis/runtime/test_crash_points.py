"""Every point at which a service can be told to die is passed somewhere, and none is passed that is not listed."""

import re
from pathlib import Path

import pytest

from services.chassis.ports import OutgoingRecord
from services.chassis.runtime import crash_points
from services.chassis.runtime.crash_points import POINTS, crash_at, tearing
from tests.support.clock import HandClock
from tests.support.memory_twins import MemoryLog

CHASSIS = Path(crash_points.__file__).parents[1]


def test_the_list_of_points_is_that_of_the_code() -> None:
    code = "".join(file.read_text() for file in CHASSIS.rglob("*.py"))
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


async def test_amid_publishing_the_first_half_is_written_and_the_rest_is_not() -> None:
    log = _log()
    found: list[int] = []
    torn = tearing(log, "torn:1", lambda point: found.append(len(log.read("there"))))
    refused = await torn.publish([_message("there"), _message("missing"), _message("there"), _message("missing")])
    assert found == [1]
    assert refused == {1: "topic-missing", 3: "topic-missing"}
    assert len(log.read("there")) == 2


async def test_one_message_has_no_middle() -> None:
    log = _log()
    await tearing(log, "torn:1", lambda point: pytest.fail("it died")).publish([_message("there")])
    assert len(log.read("there")) == 1


def test_who_dies_elsewhere_publishes_as_ever() -> None:
    log = _log()
    assert all(tearing(log, where, lambda point: None) is log for where in ("", "stored:1"))


def _log() -> MemoryLog:
    log = MemoryLog(HandClock().now)
    log.create("there")
    return log


def _message(topic: str) -> OutgoingRecord:
    return OutgoingRecord(topic, b"key", b"{}", ())
