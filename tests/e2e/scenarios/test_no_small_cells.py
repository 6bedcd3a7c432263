"""No published cell counts fewer than k people, nor can one be derived by subtraction or from two windows."""

import asyncio
import json
from itertools import combinations
from pathlib import Path

import pytest

from contracts import topics
from contracts.outcomes import Indicator
from deploy.local.stack import Addresses
from tests.e2e.actors import People, create_internal_topics, now, people, running

pytestmark = pytest.mark.acceptance(16)

K, K_SENSITIVE = 5, 10


async def _published(here: People) -> list[tuple[str, Indicator]]:
    """Every record, with those that compaction would remove: an analyst may have kept them."""
    cells = [
        (record.key.decode(), Indicator.read(record.value))
        for record in await here.records(topics.INDICATORS)
        if record.value is not None
    ]
    return [(key, cell) for key, cell in cells if cell.area == here.area]


@pytest.mark.timeout(300)
async def test_no_small_cell_is_published_or_can_be_derived(servers: Addresses, tmp_path: Path) -> None:
    fast: dict[str, object] = {"clock_origin": now().isoformat(), "clock_speed": 7200, "tick": 0.2}  # a day takes 12 s
    await create_internal_topics(servers)
    with running(servers, tmp_path, "cells", **fast, settle_hours=0, indicators_every=1, k=K, k_sensitive=K_SENSITIVE):
        async with people(servers) as here:
            agency = await here.agency()
            number = 0
            async with asyncio.timeout(200):
                batch = [("shelter", 9), ("legal", 2), ("gbv", 7)]
                while True:  # until there are cells of several windows: the clock decides in which one a need falls
                    for category, count in batch:
                        for _ in range(count):
                            number += 1
                            need = {"need": "1", "category": category, "urgency": "normal"}
                            await agency.send(here.referral(f"R-{number}", needs=[need]))
                    batch = [("shelter", 9)]
                    cells = await _published(here)
                    if {True, False} <= {cell.count is None for _, cell in cells} and len(_windows(cells)) > 2:
                        break
                    await asyncio.sleep(2)
            await asyncio.sleep(4)  # one more run of the publisher
            cells = await _published(here)
    for key, cell in cells:
        least = K_SENSITIVE if cell.category.value == "gbv" else K
        assert cell.k >= least
        assert cell.count is None or cell.count >= least, key
    # A key keeps its content, so no two publications can be subtracted from each other.
    contents: dict[str, set[str]] = {}
    for key, cell in cells:
        contents.setdefault(key, set()).add(cell.model_dump_json())
    assert [key for key, each in contents.items() if len(each) > 1] == []
    # No cell lies within another, so none is a sum from which others could be subtracted.
    for one, other in combinations(dict(cells).values(), 2):
        apart = one.window_end <= other.window_start or other.window_end <= one.window_start
        assert apart or (one.window_start, one.window_end) == (other.window_start, other.window_end)
        assert apart or (one.category, one.area, one.state) != (other.category, other.area, other.state)
    fields = {name for _, cell in cells for name in json.loads(cell.model_dump_json())}
    assert fields == {"window_start", "window_end", "category", "area", "state", "count", "k", "as_of"}, "no totals"


def _windows(cells: list[tuple[str, Indicator]]) -> set[object]:
    return {cell.window_start for _, cell in cells}
