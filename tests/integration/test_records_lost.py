"""What expired before a group has read it is counted from Kafka's own offsets."""

from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from deploy.cluster.topics import Topic, ensure
from deploy.local.stack import Addresses
from services.chassis.kafka import KafkaOffsets
from services.chassis.ports import Stage
from services.chassis.retention import LostRecords


async def test_records_deleted_before_they_were_read_are_counted_once(
    servers: Addresses, offsets: KafkaOffsets
) -> None:
    topic, group = f"lost.{uuid4().hex}", f"group-{uuid4().hex}"
    await ensure(servers.operator, [Topic(topic, 1)])
    async with AIOKafkaProducer(**servers.operator.aiokafka()) as producer:
        for n in range(5):
            await producer.send_and_wait(topic, str(n).encode())
    at = TopicPartition(topic, 0)
    lost, stage = LostRecords(), Stage(group, topics=[topic])
    assert await offsets.committed(stage) == {}
    assert lost.new(group, await offsets.starts(stage), {}) == {}
    async with AIOKafkaConsumer(group_id=group, **servers.operator.aiokafka()) as consumer:
        consumer.assign([at])
        await consumer.commit({at: 2})
    await _delete_before(servers, at, 4)
    assert lost.new(group, await offsets.starts(stage), await offsets.committed(stage)) == {(topic, 0): 2}
    assert lost.new(group, await offsets.starts(stage), await offsets.committed(stage)) == {}


async def _delete_before(servers: Addresses, at: TopicPartition, offset: int) -> None:
    """As Kafka does once records are older than the topic keeps them."""
    admin = AIOKafkaAdminClient(**servers.operator.aiokafka())
    await admin.start()
    try:
        await admin.delete_records({at: RecordsToDelete(offset)})
    finally:
        await admin.close()
