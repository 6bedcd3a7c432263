"""A topic is deleted or closed while services run: what cannot be published is re-routed or waits."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from contracts.topics import DEAD_LETTERS
from deploy.cluster import access
from deploy.cluster.login import Login
from deploy.cluster.topics import ensure, internal_topics

from .checker import SERVICES, read_all
from .people import Provider
from .world import World, eventually

FOOD = [{"need": "1", "category": "food", "urgency": "urgent"}]


async def test_a_providers_topic_is_deleted_and_its_offers_go_to_another(here: World) -> None:
    async with here.busy("a provider's topic deleted") as fault:
        # It answers nothing, so only offers made after its topic was deleted cannot be delivered.
        leaves = Provider("leaves", await here.onboard("provider", "leaves"), 40, silent=1, category="food")
        stays = Provider("stays", await here.onboard("provider", "stays"), 10, category="food")
        await here.join(leaves)
        topic = f"provider.{leaves.id}.notifications"
        await here.refer(here.agencies[0], FOOD)
        await eventually(lambda: leaves.offers, "it has an offer")
        here.gone.add(topic)
        await _delete(here.operator, topic)
        await here.join(stays)
        for _ in range(10):
            await here.refer(here.agencies[0], FOOD)
        await eventually(lambda: _undeliverable(here, topic), "an offer cannot be delivered")
        await leaves.writer.send(
            f"provider.{leaves.id}.directory", "beds", "provider.service.v1", None
        )  # close the service
        fault.lifted()
    assert stays.offers > 0


async def _undeliverable(here: World, topic: str) -> int:
    dead_letters = await read_all(here.operator.aiokafka(), DEAD_LETTERS)
    return sum(
        each.headers.get("dlq_topic") == topic and each.headers.get("dlq_reason") == "undeliverable"
        for each in dead_letters
    )


@pytest.mark.parametrize("how", ["closed", "deleted"])
async def test_dead_letters_cannot_be_written_for_a_while(here: World, how: str) -> None:
    rules = [access.AccessRule(service, "write", "topic", DEAD_LETTERS) for service in SERVICES]
    agency = here.agencies[1]
    async with here.busy("the topic of dead letters away", how) as fault:
        if how == "closed":
            await asyncio.to_thread(access.remove, here.operator, rules)
        else:
            await _delete(here.operator, DEAD_LETTERS)
        refused = agency.refused
        for number in range(5):
            await agency.writer.send(f"agency.{agency.id}.referrals", f"bad-{number}", "agency.submitted.v1", b"{")
        await eventually(
            lambda: any("dead letters" in hint for hint in fault.hints()), "a service logs a hint about dead letters"
        )
        if how == "closed":
            await asyncio.to_thread(access.apply, here.operator, rules)
        else:
            await ensure(here.operator, [each for each in internal_topics() if each.name == DEAD_LETTERS])
        fault.lifted()
    assert agency.refused == refused + 5
    dead_letters = await read_all(here.operator.aiokafka(), DEAD_LETTERS)
    places = {
        (each.headers["dlq_topic"], each.headers["dlq_offset"])
        for each in dead_letters
        if each.headers.get("dlq_topic") == f"agency.{agency.id}.referrals"
    }
    assert len(places) >= 5  # once each, or again where the batch was handled again


async def _delete(operator: Login, topic: str) -> None:
    admin = AIOKafkaAdminClient(**operator.aiokafka())
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()
