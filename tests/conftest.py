"""Fixtures for all tests."""

import logging
from collections.abc import Iterator

import pytest

from deploy.local.stack import Addresses
from tests.support import servers as kit


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """One Kafka and one MongoDB for the whole run, empty at its start; use topics and databases of your own names."""
    # It warns of each of the operator's connections, which stay on this machine: hundreds of lines below a failed test.
    logging.getLogger("aiokafka.conn").addFilter(lambda record: "in the clear" not in record.msg)
    with kit.servers() as addresses:
        yield addresses
