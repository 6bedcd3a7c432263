"""Every listed crash point occurs in the code, and every crash point in the code is listed."""

import re
from pathlib import Path

import pytest

from services.chassis.ports import OutgoingRecord
from services.chassis.runtime import crash_points
from services.chassis.runtime.crash_points import POINTS, crash_at, tearing
from tests.support.clock import HandClock
from tests.support.memory_twins import MemoryLog

CHASSIS = Path(crash_points.__file__).parents[1]


def test_the_listed_points_are_those_of_the_code() -> None:
    code = "".join(file.read_text() for file in CHASSIS.rglob("*.py"))
    assert set(re.findall(r'_fault\("(\w+)"\)', code)) == set(POINTS)


def test_the_process_dies_when_it_reaches_a_point_for_the_nth_time(monkeypatch: pytest.MonkeyPatch) -> None:
    deaths: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, signal: deaths.append(signal))
    passed = crash_at("stored:2")
    for step in ("stored", "published", "published"):
        passed(step)
    assert deaths == []
    passed("stored")
    assert deaths == [9]


def test_an_empty_setting_never_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.kill", lambda pid, signal: pytest.fail("it died"))
    passed = crash_at("")
    for step in (*POINTS, ""):
        passed(step)


async def test_a_torn_publish_writes_the_first_half_before_it_dies() -> None:
    log = _log()
    written_at_crash: list[int] = []
    torn = tearing(log, "torn:1", lambda point: written_at_crash.append(len(log.read("there"))))
    refused = await torn.publish([_message("there"), _message("missing"), _message("there"), _message("missing")])
    assert written_at_crash == [1]
    assert refused == {1: "topic-missing", 3: "topic-missing"}
    assert len(log.read("there")) == 2


async def test_a_single_message_cannot_be_torn() -> None:
    log = _log()
    await tearing(log, "torn:1", lambda point: pytest.fail("it died")).publish([_message("there")])
    assert len(log.read("there")) == 1


def test_other_crash_points_do_not_change_publishing() -> None:
    log = _log()
    assert all(tearing(log, where, lambda point: None) is log for where in ("", "stored:1"))


def _log() -> MemoryLog:
    log = MemoryLog(HandClock().now)
    log.create("there")
    return log


def _message(topic: str) -> OutgoingRecord:
    return OutgoingRecord(topic, b"key", b"{}", ())
