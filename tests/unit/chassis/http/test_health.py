"""Live means progress, ready means in touch; both say what is missing."""

from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from services.chassis.http.health import Health
from services.chassis.ports import Partition
from services.chassis.telemetry.metrics import Meter

A: Partition = ("referrals.inbox.toy", 0)
B: Partition = ("agency.a.referrals", 0)


class Process:
    """What `Health` looks at, and how the outside asks it."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.lags: dict[Partition, int] = {}
        self.missing: list[str] = []
        self.health = Health(Meter("toy"), lambda: dict(self.lags), lambda: list(self.missing), lambda: self.time)

    def wait(self, seconds: float, tick: float = 1.0) -> None:
        """Time passes; the lag is looked at once a tick."""
        end = self.time + seconds
        while self.time < end:
            self.time = min(end, self.time + tick)
            self.health.look()

    async def ask(self, path: str) -> tuple[int, bytes]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        app = dict(self.health.routes())[path]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        await app(scope, receive, send)
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])

    async def live(self) -> bool:
        return (await self.ask("/health/live"))[0] == 200

    async def waiting_for(self) -> list[str]:
        """What /health/ready says; the status agrees."""
        status, body = await self.ask("/health/ready")
        found: list[str] = orjson.loads(body)["waiting_for"]
        assert status == (503 if found else 200)
        return found


@pytest.fixture
def process() -> Process:
    return Process()


# live -----------------------------------------------------------------------------------------------------------------


async def test_a_new_process_is_alive(process: Process) -> None:
    assert await process.live()


async def test_a_process_with_nothing_to_do_is_alive_for_ever(process: Process) -> None:
    process.lags = {A: 0, B: 0}
    process.wait(3600)
    assert await process.live()


async def test_a_process_whose_records_wait_for_a_minute_unmoved_is_not_alive(process: Process) -> None:
    process.lags = {A: 0, B: 3}
    process.wait(60)
    assert await process.live()
    process.wait(1)
    assert not await process.live()
    status, body = await process.ask("/health/live")
    assert (status, orjson.loads(body)) == (503, {"lag": 3, "stalled_s": 60.0})


async def test_it_is_alive_again_once_the_records_move(process: Process) -> None:
    process.lags = {A: 3}
    process.wait(90)
    process.lags = {A: 2}
    process.wait(1)
    assert await process.live()


async def test_a_process_that_works_off_a_long_queue_is_alive(process: Process) -> None:
    for left in range(100, 0, -1):
        process.lags = {A: left}
        process.wait(30)
        assert await process.live()


async def test_records_that_come_after_a_long_silence_have_their_own_minute(process: Process) -> None:
    process.wait(3600)
    process.lags = {A: 1}
    process.wait(59)
    assert await process.live()


async def test_a_process_that_has_not_looked_for_a_while_is_not_dead_for_that(process: Process) -> None:
    """The first look comes after the start, which waits for Kafka and MongoDB as long as they take."""
    process.time += 600
    assert await process.live()
    process.lags = {A: 1}
    process.wait(1)
    assert await process.live()


# ready ----------------------------------------------------------------------------------------------------------------


async def test_a_process_is_ready_once_nothing_is_missing(process: Process) -> None:
    process.missing = ["toy-gate", "directory"]
    assert await process.waiting_for() == ["toy-gate", "directory"]
    process.missing = []
    assert await process.waiting_for() == []


async def test_a_process_is_ready_as_long_as_its_servers_answer(process: Process) -> None:
    for _ in range(20):
        process.health.heard("kafka")
        process.health.heard("mongodb")
        process.wait(15)
        assert await process.waiting_for() == []


async def test_a_server_that_is_silent_for_longer_is_named_until_it_answers(process: Process) -> None:
    process.health.heard("kafka")
    process.health.heard("mongodb")
    process.wait(10)
    process.health.heard("mongodb")
    process.wait(6)
    assert await process.waiting_for() == ["kafka"]
    shown = (await process.ask("/metrics"))[1]
    assert b'referrals_server_silent{server="kafka",service="toy"} 1.0' in shown
    assert b'referrals_server_silent{server="mongodb",service="toy"} 0.0' in shown
    process.wait(60)
    assert await process.waiting_for() == ["kafka", "mongodb"]
    assert await process.live(), "a restart would not help"
    process.health.heard("kafka")
    process.health.heard("mongodb")
    assert await process.waiting_for() == []


# metrics --------------------------------------------------------------------------------------------------------------


async def test_the_metrics_have_the_lag_of_our_topics_and_no_tenant_as_a_label(process: Process) -> None:
    process.lags = {A: 3, B: 5, ("agency.b.referrals", 0): 7}
    process.wait(1)
    status, body = await process.ask("/metrics")
    assert status == 200
    assert b'referrals_lag_records{partition="0",service="toy",topic="referrals.inbox.toy"} 3.0' in body
    assert b'referrals_lag_records{partition="all",service="toy",topic="agency.referrals"} 12.0' in body
    assert b"agency.a" not in body
    process.lags = {A: 1}
    process.wait(1)
    assert b"agency" not in (await process.ask("/metrics"))[1], "what is another instance's now is not shown here"


def test_a_server_that_falls_silent_is_spoken_of_once_with_a_hint_and_so_is_its_return(process: Process) -> None:
    process.health.heard("kafka")
    with capture_logs() as lines:
        process.wait(14)
        assert lines == []
        process.wait(60)
        process.health.heard("kafka")
        process.wait(2)
    assert [(line["event"], line["log_level"], line["reason"]) for line in lines] == [
        ("server_silent", "warning", "kafka"),
        ("server_answers", "info", "kafka"),
    ]
    assert "by itself" in lines[0]["hint"]
