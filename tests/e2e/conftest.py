"""Fixtures of the end-to-end tests: one system for the whole folder, people for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.services import Services
from deploy.local.stack import Addresses
from deploy.secrets.keys import operator_private_key
from tests.e2e.cli.command import Desk, Referrals

from .actors import People, internal_topics, people, running

OPERATOR_TOKEN = "made-up-for-these-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start services of their own come first: beside those of `system` they would share consumer groups."""
    places = [index for index, item in enumerate(items) if item.path.is_relative_to(Path(__file__).parent)]
    ours = sorted((items[index] for index in places), key=lambda item: "system" in getattr(item, "fixturenames", ()))
    for index, item in zip(places, ours, strict=True):
        items[index] = item


@pytest.fixture(scope="package")  # they are stopped with the last test here: what comes after wants the machine
async def system(servers: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    """The four services. Times are short, so that deadlines pass while a test waits; the clock is the wall's."""
    await internal_topics(servers)
    folder: Path = tmp_path_factory.mktemp("system")
    with running(
        servers,
        folder,
        "e2e",
        tick=0.2,
        sweep=0.5,
        prices_minutes=0.05,
        acknowledge_urgent_minutes=0.02,
        decide_urgent_minutes=0.08,
        escalate_urgent_minutes=0.02,
        retry_after_hours=1,
        wait_urgent_hours=0.002,
        patience_urgent_hours=0.001,
        recall_acknowledge_hours=0.001,
        link_confidential=True,
        operator_token=OPERATOR_TOKEN,
    ) as services:
        yield services


@pytest.fixture
async def here(system: Services, servers: Addresses) -> AsyncIterator[People]:
    """Whoever a test needs."""
    async with people(servers) as all_of_them:
        yield all_of_them


@pytest.fixture
def private_key(system: Services) -> str:
    """The operator's, which opens dead letters."""
    return operator_private_key(system["intake"].log.parent / "keys")


@pytest.fixture
def referrals(system: Services, servers: Addresses, private_key: str, tmp_path: Path) -> Referrals:
    """Run a command under the operator's login; keywords are settings by name."""
    login = servers.operator
    settings = {
        "REFERRALS_KAFKA": login.kafka,
        "REFERRALS_KAFKA_USER": login.user,
        "REFERRALS_KAFKA_PASSWORD": login.password,
        "REFERRALS_URLS": " ".join(f"{name}={service.url}" for name, service in system.items()),
        "REFERRALS_OPERATOR_TOKEN": OPERATOR_TOKEN,
        "REFERRALS_OPERATOR_PRIVATE_KEY": private_key,
    }
    return Desk(tmp_path, settings)
