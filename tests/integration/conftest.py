"""What several integration tests use."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Addresses
from services.chassis.errors import TransientError
from services.chassis.kafka import KafkaOffsets
from services.chassis.ports import Stage
from services.chassis.settings import ChassisSettings
from tests.support.rig import OPERATOR_PUBLIC
from tests.support.servers import login_settings


@pytest.fixture(scope="session")
def settings(servers: Addresses) -> ChassisSettings:
    """Settings of the chassis with the operator's login."""
    return ChassisSettings(**login_settings(servers.operator), mongo=servers.mongo, operator_key=OPERATOR_PUBLIC)


@pytest.fixture
async def offsets(settings: ChassisSettings) -> AsyncIterator[KafkaOffsets]:
    offsets = KafkaOffsets(settings)
    async with asyncio.timeout(30):
        while True:
            try:  # a broker creates its topic for groups at the first request
                await offsets.committed(Stage("anyone"))
                break
            except TransientError:
                await asyncio.sleep(0.1)
    yield offsets
    await offsets.stop()
