"""Topics are created as declared, any number of times, and brought back to what is declared."""

from dataclasses import replace
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contracts.topic_settings import DAY, HOUR, PARTITIONS
from deploy.cluster import topics
from deploy.cluster.login import Login
from deploy.local.stack import Addresses


async def settings_of(operator: Login, name: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(**operator.aiokafka())
    await admin.start()
    try:
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    finally:
        await admin.close()
    [(code, _, _, _, entries)] = answer.resources
    assert code == 0
    return {entry[0]: entry[1] for entry in entries}


async def test_a_second_run_changes_nothing_and_a_third_brings_settings_up_to_date(servers: Addresses) -> None:
    agency = uuid4().hex
    declared = topics.agency_topics(agency)
    await topics.ensure(servers.operator, declared)
    await topics.ensure(servers.operator, declared)
    settings = await settings_of(servers.operator, f"agency.{agency}.referrals")
    assert settings["message.timestamp.type"] == "LogAppendTime"
    assert int(settings["retention.ms"]) == DAY
    assert int(settings["segment.ms"]) <= 2 * HOUR

    shorter = [replace(t, settings={**t.settings, "retention.ms": "1000000"}) for t in declared]
    await topics.ensure(servers.operator, shorter)
    settings = await settings_of(servers.operator, f"agency.{agency}.referrals")
    assert (settings["retention.ms"], settings["message.timestamp.type"]) == ("1000000", "LogAppendTime")


async def test_another_partition_count_is_refused(servers: Addresses) -> None:
    declared = topics.provider_topics(uuid4().hex)
    await topics.ensure(servers.operator, declared)
    with pytest.raises(topics.TopicsError, match="has 1 partitions, but 2 are declared"):
        await topics.ensure(servers.operator, [replace(t, partitions=2) for t in declared])


async def test_all_internal_topics_can_be_created(servers: Addresses) -> None:
    await topics.ensure(servers.operator, topics.internal_topics())
    folded = {t.partitions for t in topics.internal_topics() if t.name.startswith("referrals.inbox")}
    assert folded == {PARTITIONS}
