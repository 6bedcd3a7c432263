"""One world for the whole folder: each test leaves it as it found it, or the next one will say so."""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .world import FULL, World, world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only here can servers be killed; and all but a few tests are left to `make faults`."""
    ours = [item for item in items if item.path.parent == Path(__file__).parent and "here" in item.fixturenames]
    for item in ours:
        if os.environ.get("STACK", "local") != "local":
            item.add_marker(pytest.mark.skip(reason="kills servers, which only STACK=local lets us do"))
        elif not FULL and item.get_closest_marker("short") is None:
            item.add_marker(pytest.mark.skip(reason="left to `make faults`"))
        item.add_marker(pytest.mark.timeout(1800 if FULL else 600))


@pytest.fixture(scope="package")  # it ends before other folders need the machine
async def here() -> AsyncIterator[World]:
    """The world; whatever a test does to it is mended by then."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # people's clients complain of every fault at length
    async with world() as it:
        yield it
        if FULL:
            it.report.write()
