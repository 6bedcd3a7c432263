"""Every service is killed midway, again and again, while referrals are under way: nothing is lost, nothing doubled.

They die by kill -9 in the worst place, between the journal and the topics: what was decided is stored, and nobody has
been told. The people are the demo's, whose books are kept apart from the services. Afterwards topics and databases are
read by code that shares nothing with the services. All of it on a Kafka and a MongoDB of its own: the demo's services
take people from anywhere, and would take those of the other tests too.
"""

import asyncio
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from rich.console import Console

from contracts.topics import SERVICES
from deploy.demo.__main__ import SPEED, TIMES, onboard, play
from deploy.local.process import StartError
from deploy.local.services import Services
from deploy.local.stack import Addresses
from services.chassis.clock import Clock
from tests.e2e.actors import People, people, running
from tests.support import servers as kit

COUNT = 60


@pytest.fixture
def servers_of_its_own() -> Iterator[Addresses]:
    """Empty ones, gone after the test."""
    with kit.servers() as addresses:
        yield addresses


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
        supervisor = asyncio.create_task(_restart_what_dies(services, deaths))
        status = await play(Console(file=output, width=120), logins, clock, COUNT, seed=7, patience=120, stories=())
        await asyncio.sleep(3)  # for the sweep to doubt what a crash may have left
        supervisor.cancel()
    assert status == 0, output.getvalue()
    await _nothing_is_in_effect_twice(servers)
    await _each_id_has_one_body(servers)


async def _restart_what_dies(services: Services, deaths: Counter[str]) -> None:
    while True:
        for name, service in services.items():
            if not service.running:
                deaths[name] += 1
                with suppress(StartError):  # it died again before it was ready: so it is started again
                    await asyncio.to_thread(services.restart, name)
        await asyncio.sleep(0.1)


async def _nothing_is_in_effect_twice(servers: Addresses) -> None:
    """No cause twice in a stream, no gap in a journal, no place still held, no timer or waiting row left behind."""
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
    assert await mongo["crash_matching"]["places"].count_documents({}) == 0
    assert await mongo["crash_matching"]["waiting"].count_documents({}) == 0
    mongo.close()


async def _each_id_has_one_body(servers: Addresses) -> None:
    """What was delivered again was the same to the byte, so that whoever drops it by id loses nothing."""
    async with people(servers) as here:
        repeated = 0
        for topic in ("referrals.intake", "referrals.matching", "referrals.notification"):
            bodies = await _bodies(here, topic)
            assert all(len(set(each)) == 1 for each in bodies.values())
            repeated += sum(len(each) > 1 for each in bodies.values())
        assert repeated > 0, "killed between storing and publishing, and yet nothing was published again"


async def _bodies(here: People, topic: str) -> dict[bytes, list[bytes]]:
    bodies: dict[bytes, list[bytes]] = defaultdict(list)
    for record in await here.records(topic):
        bodies[dict(record.headers)["ce_id"]].append(record.value)
    return bodies
