"""Fixtures for all tests."""

from collections.abc import Iterator

import pytest

from deploy.local.stack import Addresses
from tests.kit import servers as kit


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """One Kafka and one MongoDB for the whole run, empty at its start; use topics and databases of your own names."""
    with kit.servers() as addresses:
        yield addresses
