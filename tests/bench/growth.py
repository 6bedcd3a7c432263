"""Whether a step costs the same however many streams the journal has: 10³, 10⁵, 10⁶ before each round of laps.

The journal is filled with copies, under other ids, of a document that the service wrote itself.
"""

import asyncio
import statistics
from typing import Any
from uuid import uuid4

from pymongo import MongoClient
from pymongo.collection import Collection

from deploy.cluster.topics import Topic, ensure
from deploy.local.stack import Addresses
from tests.bench import load, step

SIZES = (1_000, 100_000, 1_000_000)
RECORDS, REPETITIONS = 5_000, 3
_RUN = "bench-growth"


def measure(servers: Addresses) -> dict[int, float]:
    """Our rate over raw's, by streams in the journal beforehand: medians."""
    asyncio.run(ensure(servers.operator, step.INTERNAL))
    _lap(servers, 0)
    journal = MongoClient[dict[str, Any]](servers.mongo)[_RUN]["journal"]
    model = journal.find_one({})
    assert model is not None
    ratios = {}
    for size in SIZES:
        _copy(journal, model, size - journal.estimated_document_count())
        laps = [(_lap(servers, lap), step.once(servers, "raw", RECORDS)) for lap in range(REPETITIONS)]
        ratios[size] = statistics.median(ours.rate / raw.rate for ours, raw in laps)
    return ratios


def figures(ratios: dict[int, float]) -> dict[str, float]:
    """How much more a step costs in a larger journal."""
    return {
        "journal.growth_1e3_1e5": ratios[1_000] / ratios[100_000],
        "journal.growth_1e3_1e6": ratios[1_000] / ratios[1_000_000],
    }


def _lap(servers: Addresses, number: int) -> step.Lap:
    """First events of new streams, always into the same journal."""
    name = f"{_RUN}-{uuid4().hex[:8]}"
    wanted = [Topic(f"{name}-in", load.PARTITIONS), Topic(f"{_RUN}-out", load.PARTITIONS)]
    asyncio.run(ensure(servers.operator, wanted))
    asyncio.run(load.fill(servers.operator, f"{name}-in", name, RECORDS))
    with step.contender(servers, "ours", f"{name}-in", _RUN, RECORDS) as process:
        return process.lap()


def _copy(journal: Collection[dict[str, Any]], model: dict[str, Any], count: int) -> None:
    """Copies of a document under ids of no order, made within MongoDB: through here a million take ten minutes."""
    name = {"$concat": [{"$toString": {"$rand": {}}}, "-", {"$toString": "$copy"}]}
    journal.aggregate(
        [
            {"$match": {"_id": model["_id"]}},
            {"$set": {"copy": {"$range": [0, max(0, count)]}}},
            {"$unwind": "$copy"},
            {"$set": {"stream": name}},
            {"$set": {"_id": {"$concat": ["$stream", ":0"]}}},
            {"$unset": "copy"},
            {"$merge": {"into": journal.name, "whenMatched": "fail"}},
        ]
    )
