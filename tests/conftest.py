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
    """Mark the tests that need servers: `make test` runs them one after the other, and the others on all cores."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] not in WITHOUT_SERVERS:
            item.add_marker("servers")


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """One Kafka and one MongoDB for the whole run, empty at the start; use topics and databases of your own names."""
    # aiokafka warns of each connection of the operator, which stays on this machine: hundreds of lines below a failure.
    logging.getLogger("aiokafka.conn").addFilter(lambda record: "in the clear" not in record.msg)
    with kit.servers() as addresses:
        yield addresses
