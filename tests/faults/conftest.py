"""One world for the whole folder: each test must leave it intact, else the next one fails."""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .world import FULL, World, world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all tests unless servers can be killed (STACK=local), and all but the short ones unless `make faults`."""
    ours = [item for item in items if item.path.parent == Path(__file__).parent and "here" in item.fixturenames]
    for item in ours:
        if os.environ.get("STACK", "local") != "local":
            item.add_marker(pytest.mark.skip(reason="kills servers, which needs STACK=local"))
        elif not FULL and item.get_closest_marker("short") is None:
            item.add_marker(pytest.mark.skip(reason="runs in `make faults`"))
        item.add_marker(pytest.mark.timeout(1800 if FULL else 600))


@pytest.fixture(scope="package")  # stopped after the last test here, so that later tests have the machine to themselves
async def here() -> AsyncIterator[World]:
    """The world; a test must repair what it breaks."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # clients log every fault at length
    async with world() as it:
        yield it
        if FULL:
            it.report.write()
