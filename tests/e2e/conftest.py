"""Fixtures of the end-to-end tests: one system for the whole folder, agencies and providers for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.services import Services
from deploy.local.stack import Addresses
from deploy.secrets.keys import operator_private_key
from tests.e2e.cli.command import Referrals, Terminal

from .actors import PATIENCE, People, create_internal_topics, people, running

OPERATOR_TOKEN = "made-up-for-these-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests time on a busy machine, and run those that start services of their own before `system` is there.

    Their services would share consumer groups with those of `system`.
    """
    positions = [index for index, item in enumerate(items) if item.path.is_relative_to(Path(__file__).parent)]
    ordered = sorted((items[at] for at in positions), key=lambda item: "system" in getattr(item, "fixturenames", ()))
    for position, item in zip(positions, ordered, strict=True):
        items[position] = item
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(3 * PATIENCE))


@pytest.fixture(scope="package")  # stopped after the last test here, so that later tests have the machine to themselves
async def system(servers: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    """The four services on the real clock. Urgent needs have deadlines of seconds, so that a test can wait for them."""
    await create_internal_topics(servers)
    folder: Path = tmp_path_factory.mktemp("system")
    with running(
        servers,
        folder,
        "e2e",
        tick=0.2,
        sweep=1,
        prices_minutes=0.05,
        acknowledge_urgent_minutes=0.1,
        decide_urgent_minutes=0.17,
        escalate_urgent_minutes=0.02,
        wait_urgent_hours=0.002,
        patience_urgent_hours=0.001,
        recall_acknowledge_hours=0.001,
        link_confidential=True,
        operator_token=OPERATOR_TOKEN,
    ) as services:
        yield services


@pytest.fixture
async def here(system: Services, servers: Addresses) -> AsyncIterator[People]:
    """Makes the agencies and providers of a test."""
    async with people(servers) as made:
        yield made


@pytest.fixture
def private_key(system: Services) -> str:
    """The operator's private key, which opens dead letters."""
    return operator_private_key(system["intake"].log.parent / "keys")


@pytest.fixture
def referrals(system: Services, servers: Addresses, private_key: str, tmp_path: Path) -> Referrals:
    """Runs commands under the operator's login; keywords are settings by name."""
    login = servers.operator
    settings = {
        "REFERRALS_KAFKA": login.kafka,
        "REFERRALS_KAFKA_USER": login.user,
        "REFERRALS_KAFKA_PASSWORD": login.password,
        "REFERRALS_URLS": " ".join(f"{name}={service.url}" for name, service in system.items()),
        "REFERRALS_OPERATOR_TOKEN": OPERATOR_TOKEN,
        "REFERRALS_OPERATOR_PRIVATE_KEY": private_key,
    }
    return Terminal(tmp_path, settings)
