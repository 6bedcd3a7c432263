"""Reads the evidence: every topic from its beginning, and the collections of every service."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient

from .evidence import SERVICES, Evidence, Record


async def gather(kafka: Mapping[str, Any], mongo: str, prefix: str, gone: Iterable[str] = ()) -> Evidence:
    """Read everything. `kafka` has the arguments of an aiokafka client that may read all topics."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo, tz_aware=True)
    try:
        journals = {each: await client[f"{prefix}_{each}"]["journal"].find().to_list(None) for each in SERVICES}
        places = await client[f"{prefix}_matching"]["places"].find().to_list(None)
        waiting = await client[f"{prefix}_matching"]["waiting"].find().to_list(None)
    finally:
        client.close()
    return Evidence(await read_all(kafka), journals, places, waiting, frozenset(gone))


async def partitions(kafka: Mapping[str, Any], pattern: str = r"(?!__).*") -> list[TopicPartition]:
    """Every partition of the topics whose whole name matches, by default all but Kafka's own."""
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        names = [name for name in await admin.list_topics() if re.fullmatch(pattern, name)]
        described = await admin.describe_topics(names) if names else []
        return [
            TopicPartition(topic["topic"], each["partition"]) for topic in described for each in topic["partitions"]
        ]
    finally:
        await admin.close()


async def read_all(kafka: Mapping[str, Any], pattern: str = r"(?!__).*") -> list[Record]:
    """All records that are now on the topics whose whole name matches, by default all but Kafka's own."""
    at = await partitions(kafka, pattern)
    if not at:
        return []
    reader = AIOKafkaConsumer(**kafka, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False)
    await reader.start()
    try:
        reader.assign(at)
        starts, ends = await reader.beginning_offsets(at), await reader.end_offsets(at)
        left = {each for each in at if ends[each] > starts[each]}
        records: list[Record] = []
        while left:
            for partition, batch in (await reader.getmany(timeout_ms=200)).items():
                records += [_record(each) for each in batch if each.offset < ends[partition]]
            left = {each for each in left if await reader.position(each) < ends[each]}
        return records
    finally:
        await reader.stop()


def _record(raw: Any) -> Record:
    headers = {}
    for name, value in raw.headers:
        try:
            headers[name] = (value or b"").decode()
        except UnicodeDecodeError:
            continue
    return Record(raw.topic, raw.partition, raw.offset, raw.value, headers)
