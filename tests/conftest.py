"""Fixtures for all tests, and which tests need servers."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Addresses
from tests.support import servers as kit

WITHOUT_SERVERS = ("bench", "contract", "property", "simulation", "unit")
"""The folders whose tests need neither Kafka nor MongoDB."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need servers, and group them: a group runs in one process, with one Kafka and MongoDB."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
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
