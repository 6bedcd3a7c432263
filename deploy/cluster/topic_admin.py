"""What an administrator does with topics: connect, create, read and change settings, wait for leaders."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from deploy.cluster.login import Login
from deploy.waiting import retrying_async

_SET_ON_TOPIC = 1  # Kafka's ConfigSource.DYNAMIC_TOPIC_CONFIG


class TopicsError(RuntimeError):
    """A topic could not be created, or exists with another number of partitions; the message names it."""


@dataclass(frozen=True)
class Topic:
    """A declared topic. `settings` are Kafka's topic settings, as text."""

    name: str
    partitions: int = 1
    settings: dict[str, str] = field(default_factory=dict)


async def connect(kafka: Login, patience: float) -> AIOKafkaAdminClient:
    """A started client. Raises `KafkaConnectionError` when Kafka does not respond within `patience` seconds."""

    async def start() -> AIOKafkaAdminClient:
        admin = AIOKafkaAdminClient(**kafka.aiokafka())
        try:
            await admin.start()
        except KafkaConnectionError:
            await admin.close()
            raise
        return admin

    admin: AIOKafkaAdminClient = await retrying_async(_is_away, patience, every=1)(start)
    return admin


def _is_away(error: BaseException) -> bool:
    return isinstance(error, KafkaConnectionError)


async def create(admin: AIOKafkaAdminClient, declared: dict[str, Topic], replication_factor: int) -> list[str]:
    """Create all topics, and return the names of those that existed before."""
    new = [NewTopic(t.name, t.partitions, replication_factor, topic_configs=t.settings) for t in declared.values()]
    existing = []
    for name, code, *why in (await admin.create_topics(new)).topic_errors:
        if code == TopicAlreadyExistsError.errno:
            existing.append(name)
        elif code:
            raise TopicsError(f"Kafka did not create {name}: {for_code(code).__name__} {why[0] if why else ''}")
    return existing


async def configure(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    """Give topics their declared settings."""
    # This call replaces all settings of a topic, as intended here: a setting that is not declared gets its default.
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name, topic.settings) for topic in topics]
    for response in await admin.alter_configs(resources):
        for code, why, _, name in response.resources:
            if code:
                raise TopicsError(f"Kafka did not change the settings of {name}: {for_code(code).__name__} {why}")


async def wait_for_leaders(admin: AIOKafkaAdminClient, declared: dict[str, Topic], deadline: float) -> None:
    """Wait until every partition has a leader: Kafka acknowledges a topic a little before it is ready."""
    while pending := declared.keys() - await _ready(admin, declared):
        if time.monotonic() > deadline:
            raise TopicsError(f"these topics did not get a leader in time: {', '.join(sorted(pending))}")
        await asyncio.sleep(0.1)


async def _ready(admin: AIOKafkaAdminClient, declared: dict[str, Topic]) -> set[str]:
    """The topics that have a leader for each partition. Raises `TopicsError` for a wrong number of partitions."""
    ready: set[str] = set()
    for metadata in await admin.describe_topics(list(declared)):
        name, partitions = metadata["topic"], metadata["partitions"]
        if metadata["error_code"] or any(each["error_code"] or each["leader"] < 0 for each in partitions):
            continue
        if len(partitions) != declared[name].partitions:
            raise TopicsError(f"{name} has {len(partitions)} partitions, but {declared[name].partitions} are declared")
        ready.add(name)
    return ready


async def settings_of(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings that were set on each topic, without Kafka's defaults."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    settings: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources) if resources else []:
        for code, why, _, name, entries in response.resources:
            if code:
                raise TopicsError(f"Kafka did not return the settings of {name}: {for_code(code).__name__} {why}")
            settings[name] = {setting: value for setting, value, _, source, *_ in entries if source == _SET_ON_TOPIC}
    return settings
