"""Fixtures for all tests, which tests need servers or are slow, and the seconds of each folder with `--durations`."""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Addresses
from tests.support import servers as kit

WITHOUT_SERVERS = ("bench", "contract", "property", "simulation", "unit")
"""The folders whose tests need neither Kafka nor MongoDB."""
SLOW = (
    "property/contracts/test_schemas.py",
    "property/matching/test_explanation.py",
    "property/matching/test_index.py",
    "property/matching/test_policy.py",
    "property/matching/test_rest.py",
    "property/notification/test_policy.py",
    "property/outcomes/test_lifecycle.py",
)
"""Files that `make test-fast` leaves out: each takes more than ten seconds, and on a busy machine minutes."""
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests and those that need servers, and group these: a group runs in one process, with one Kafka."""
    for item in items:
        path = item.path.relative_to(TESTS)
        folder = path.parts[0]
        if path.as_posix() in SLOW:
            item.add_marker("slow")
            item.add_marker(pytest.mark.timeout(1200))
        if folder not in WITHOUT_SERVERS:
            own_servers = "servers_of_its_own" in getattr(item, "fixturenames", ())
            item.add_marker("servers")
            item.add_marker(pytest.mark.xdist_group(item.name if own_servers else folder))


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """One Kafka and one MongoDB for all tests of a process, empty at the start; use your own topics and databases."""
    # aiokafka warns of each connection of the operator, which stays on this machine: hundreds of lines below a failure.
    logging.getLogger("aiokafka.conn").addFilter(lambda record: "in the clear" not in record.msg)
    with kit.servers() as addresses:
        yield addresses


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With ``--durations``, print the seconds of each folder."""
    if terminalreporter.config.option.durations is None:
        return
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds["/".join(report.nodeid.split("::")[0].split("/")[:-1])] += report.duration
    terminalreporter.section("seconds by folder")
    for folder, total in seconds.most_common():
        terminalreporter.line(f"{total:7.0f}  {folder}")
