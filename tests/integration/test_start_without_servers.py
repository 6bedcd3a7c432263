"""A service that starts while Kafka and MongoDB are away is live at once, and says what it waits for."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.topics import SERVICES
from deploy.local.process import LOCALHOST, free_port
from deploy.secrets.keys import environment


class Started:
    """A service as a process. Neither of its servers exists."""

    def __init__(self, name: str, port: int, keys: Path) -> None:
        nobody = f"{LOCALHOST}:{free_port()}"
        settings = {
            "REFERRALS_KAFKA": nobody,
            "REFERRALS_MONGO": f"mongodb://{nobody}/?replicaSet=rs0",
            "REFERRALS_MONGO_TIMEOUT_MS": "500",
            "REFERRALS_HOST": LOCALHOST,
            "REFERRALS_PORT": str(port),
        }
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"services.{name}"],
            env={**environment(keys, name), **settings},
            stdout=(keys / "log").open("wb"),
        )
        self._log = keys / "log"

    def wait_for(self, event: str, times: int) -> None:
        """Wait until the log has an event so many times."""
        deadline = time.monotonic() + 60
        while self._log.read_text().count(f'"event":"{event}"') < times:
            assert self.process.poll() is None, "the process has ended"
            assert time.monotonic() < deadline, f"{event} has not been logged {times} times"
            time.sleep(0.1)

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        """Status and body. Waits until the port is open."""
        deadline = time.monotonic() + 60
        while True:
            connection = http.client.HTTPConnection(LOCALHOST, self.port, timeout=5)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                return response.status, json.loads(response.read())
            except ConnectionRefusedError:
                assert self.process.poll() is None, "the process has ended"
                assert time.monotonic() < deadline, "no port is open"
                time.sleep(0.05)
            finally:
                connection.close()


@pytest.fixture
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Started]:
    service = Started(request.param, free_port(), tmp_path)
    yield service
    service.process.kill()
    service.process.wait()


@pytest.mark.parametrize("started", SERVICES, indirect=True)
def test_a_service_without_servers_is_live_and_not_ready(started: Started) -> None:
    assert started.get("/health/live")[0] == 200
    status, body = started.get("/health/ready")
    assert status == 503
    waiting_for = body["waiting_for"]
    assert isinstance(waiting_for, list)
    assert {"kafka", "mongodb"} <= set(waiting_for)
    started.wait_for("waiting_for_servers", 4)
    assert started.get("/health/live")[0] == 200
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(30) in (0, -signal.SIGTERM)
