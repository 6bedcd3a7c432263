"""Every service is killed again and again while referrals are under way: nothing is lost and nothing is doubled.

They die by SIGKILL at the worst moment, between the journal and the topics: the decision is stored and not yet
published. The people are the demo's, which keeps its own books. Afterwards code that shares nothing with the services
reads topics and databases. The test has a Kafka and a MongoDB of its own, because the demo's services take people from
anywhere, and would take those of other tests.
"""

import asyncio
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from rich.console import Console

from contracts.topics import SERVICES
from deploy.demo.__main__ import SPEED, TIMES, onboard, play
from deploy.local.process import StartError
from deploy.local.services import Services
from deploy.local.stack import Addresses
from services.chassis.clock import Clock
from tests.e2e.actors import People, eventually, people, running
from tests.support import servers as kit

COUNT = 60


@pytest.fixture
def servers_of_its_own() -> Iterator[Addresses]:
    """Empty servers that are removed after the test."""
    with kit.servers() as addresses:
        yield addresses


@pytest.mark.timeout(900)  # on a machine that may be busy
async def test_nothing_is_lost_or_doubled_when_each_service_is_killed_midway(
    servers_of_its_own: Addresses, tmp_path: Path
) -> None:
    servers = servers_of_its_own
    clock = Clock(datetime.now(UTC), SPEED)
    settings = {name.removeprefix("REFERRALS_"): value for name, value in TIMES.items()}
    settings |= {"CLOCK_ORIGIN": clock.origin.isoformat(), "CLOCK_SPEED": SPEED, "CRASH_AT": "stored:40"}
    logins = await onboard(servers)
    output = io.StringIO()
    with running(servers, tmp_path, "crash", **settings) as services:
        deaths: Counter[str] = Counter()
        supervisor = asyncio.create_task(restart_what_dies(services, deaths))
        status = await play(Console(file=output, width=120), logins, clock, COUNT, seed=7, patience=400, stories=())
        assert status == 0, output.getvalue()
        await _nothing_is_left(servers)
        supervisor.cancel()
    await _nothing_is_in_effect_twice(servers)
    await _each_id_has_one_body(servers)


async def restart_what_dies(services: Services, deaths: Counter[str]) -> None:
    """Restart services that have died, until cancelled."""
    while True:
        for name, service in services.items():
            if not service.running:
                deaths[name] += 1
                with suppress(StartError):  # it died again before it was ready, and is started again
                    await asyncio.to_thread(services.restart, name)
        await asyncio.sleep(0.1)


async def _nothing_is_left(servers: Addresses) -> None:
    """Wait until no place is held and no need waits: the sweep frees what a crash left behind."""
    mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(servers.mongo)

    async def empty() -> bool:
        return not any([await mongo["crash_matching"][name].count_documents({}) for name in ("places", "waiting")])

    await eventually(empty, "no place is held and no need waits")
    mongo.close()


async def _nothing_is_in_effect_twice(servers: Addresses) -> None:
    """No journal has a gap, and no stream has one cause twice."""
    mongo: AsyncIOMotorClient = AsyncIOMotorClient(servers.mongo)
    for service in SERVICES:
        numbers: dict[str, list[int]] = defaultdict(list)
        causes: dict[str, list[str]] = defaultdict(list)
        async for document in mongo[f"crash_{service}"]["journal"].find():
            numbers[document["stream"]].append(document["n"])
            causes[document["stream"]] += [entry["cause"] for entry in document["entries"]]
        assert numbers, f"{service} has no journal"
        assert all(sorted(each) == list(range(len(each))) for each in numbers.values())
        assert all(len(each) == len(set(each)) for each in causes.values())
    mongo.close()


async def _each_id_has_one_body(servers: Addresses) -> None:
    """An event that was published again is the same to the byte, so a reader that drops it by id loses nothing."""
    async with people(servers) as here:
        repeated = 0
        for topic in ("referrals.intake", "referrals.matching", "referrals.notification"):
            bodies = await _bodies(here, topic)
            assert all(len(set(each)) == 1 for each in bodies.values())
            repeated += sum(len(each) > 1 for each in bodies.values())
        assert repeated > 0, "services died between storing and publishing, yet nothing was published again"


async def _bodies(here: People, topic: str) -> dict[bytes, list[bytes]]:
    bodies: dict[bytes, list[bytes]] = defaultdict(list)
    for record in await here.records(topic):
        bodies[dict(record.headers)["ce_id"]].append(record.value)
    return bodies
