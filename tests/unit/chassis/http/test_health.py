"""Live means progress, ready means in touch with the servers; both say what is missing."""

from collections.abc import Collection
from typing import Any

import orjson
import pytest
from starlette.routing import Router
from structlog.testing import capture_logs

from services.chassis.http.health import Health
from services.chassis.ports import Partition
from services.chassis.telemetry.metrics import Meter

A: Partition = ("referrals.inbox.toy", 0)
B: Partition = ("agency.a.referrals", 0)


class Process:
    """What `Health` measures, and how a supervisor calls it."""

    def __init__(self, servers: Collection[str] = ()) -> None:
        self.time = 1000.0
        self.lags: dict[Partition, int] = {}
        self.missing: list[str] = []
        self.health = Health(
            Meter("toy"), lambda: dict(self.lags), lambda: list(self.missing), lambda: self.time, servers
        )

    def wait(self, seconds: float, tick: float = 1.0) -> None:
        """Let time pass; the lag is measured once a tick."""
        end = self.time + seconds
        while self.time < end:
            self.time = min(end, self.time + tick)
            self.health.check()

    async def get(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Status and body of the response."""
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
        await Router(self.health.routes(), redirect_slashes=False)(scope, receive, send)
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])

    async def live(self) -> bool:
        return (await self.get("/health/live"))[0] == 200

    async def waiting_for(self) -> list[str]:
        """What /health/ready lists; its status agrees."""
        status, body = await self.get("/health/ready")
        missing: list[str] = orjson.loads(body)["waiting_for"]
        assert status == (503 if missing else 200)
        return missing


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


async def test_a_process_whose_records_wait_for_a_minute_without_progress_is_not_alive(process: Process) -> None:
    process.lags = {A: 0, B: 3}
    process.wait(60)
    assert await process.live()
    process.wait(1)
    assert not await process.live()
    status, body = await process.get("/health/live")
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


async def test_records_that_arrive_after_a_long_pause_have_a_whole_minute(process: Process) -> None:
    process.wait(3600)
    process.lags = {A: 1}
    process.wait(59)
    assert await process.live()


async def test_a_process_that_has_not_measured_its_lag_for_a_while_is_alive(process: Process) -> None:
    """The first measurement follows the start, which waits for Kafka and MongoDB as long as they take."""
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


async def test_a_process_is_ready_as_long_as_its_servers_respond(process: Process) -> None:
    for _ in range(20):
        process.health.responded("kafka")
        process.health.responded("mongodb")
        process.wait(15)
        assert await process.waiting_for() == []


async def test_a_silent_server_is_listed_until_it_responds(process: Process) -> None:
    process.health.responded("kafka")
    process.health.responded("mongodb")
    process.wait(10)
    process.health.responded("mongodb")
    process.wait(6)
    assert await process.waiting_for() == ["kafka"]
    shown = (await process.get("/metrics"))[1]
    assert b'referrals_server_silent{server="kafka",service="toy"} 1.0' in shown
    assert b'referrals_server_silent{server="mongodb",service="toy"} 0.0' in shown
    process.wait(60)
    assert await process.waiting_for() == ["kafka", "mongodb"]
    assert await process.live(), "a restart would not help"
    process.health.responded("kafka")
    process.health.responded("mongodb")
    assert await process.waiting_for() == []


async def test_a_process_whose_servers_have_not_responded_yet_is_live_and_not_ready() -> None:
    process = Process(servers=("kafka", "mongodb"))
    assert await process.waiting_for() == ["kafka", "mongodb"]
    process.wait(3600)
    assert await process.live(), "a restart would help nothing"
    process.health.responded("mongodb")
    assert await process.waiting_for() == ["kafka"]
    assert b'referrals_server_silent{server="kafka",service="toy"} 1.0' in (await process.get("/metrics"))[1]
    process.health.responded("kafka")
    assert await process.waiting_for() == []


async def test_health_is_read_only(process: Process) -> None:
    for path in ("/health/live", "/health/ready"):
        assert (await process.get(path, "HEAD"))[0] == 200
        assert await process.get(path, "POST") == (405, b"Method Not Allowed")
        assert (await process.get(f"{path}/"))[0] == 404


# metrics --------------------------------------------------------------------------------------------------------------


async def test_the_metrics_show_the_lag_of_our_topics_and_no_tenant_as_a_label(process: Process) -> None:
    process.lags = {A: 3, B: 5, ("agency.b.referrals", 0): 7}
    process.wait(1)
    status, body = await process.get("/metrics")
    assert status == 200
    assert b'referrals_lag_records{partition="0",service="toy",topic="referrals.inbox.toy"} 3.0' in body
    assert b'referrals_lag_records{partition="all",service="toy",topic="agency.referrals"} 12.0' in body
    assert b"agency.a" not in body
    process.lags = {A: 1}
    process.wait(1)
    assert b"agency" not in (await process.get("/metrics"))[1], (
        "partitions that now belong to another instance are not shown here"
    )


def test_a_server_that_falls_silent_is_reported_once_with_a_hint_and_so_is_its_return(process: Process) -> None:
    process.health.responded("kafka")
    with capture_logs() as lines:
        process.wait(14)
        assert lines == []
        process.wait(60)
        process.health.responded("kafka")
        process.wait(2)
    assert [(line["event"], line["log_level"], line["reason"]) for line in lines] == [
        ("server_silent", "warning", "kafka"),
        ("server_answers", "info", "kafka"),
    ]
    assert "by itself" in lines[0]["hint"]
