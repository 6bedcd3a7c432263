"""The servers of the fixture `servers` are real: they keep what they acknowledge."""

from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern

from deploy.local.stack import Addresses


async def test_kafka_returns_what_was_published(servers: Addresses) -> None:
    topic = f"test-{uuid4()}"
    admin = AIOKafkaAdminClient(**servers.operator.aiokafka())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()

    async with AIOKafkaProducer(**servers.operator.aiokafka(), enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, b"value", key=b"key", headers=[("ce_id", b"1")])
    async with AIOKafkaConsumer(topic, **servers.operator.aiokafka(), auto_offset_reset="earliest") as consumer:
        record = await consumer.getone()

    assert (record.key, record.value, record.headers) == (b"key", b"value", (("ce_id", b"1"),))


async def test_mongo_acknowledges_as_a_replica_set(servers: Addresses) -> None:
    client = AsyncIOMotorClient(servers.mongo)
    try:
        rows = client[f"test-{uuid4()}"].get_collection("rows", write_concern=WriteConcern("majority", j=True))
        done = await rows.insert_one({"_id": "stream:0", "n": 0})
        assert done.acknowledged
        assert await rows.find_one({"_id": "stream:0"}) == {"_id": "stream:0", "n": 0}
    finally:
        client.close()
