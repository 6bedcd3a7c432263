"""The principals of these tests and what they try. They use aiokafka, as an outside client would."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.structs import TopicPartition

from deploy.cluster.login import Login

TENANTS = ("a", "ab")
"""Each is agency and provider. One id begins with the other, so a rule by prefix would give the first too much."""


class Visitor:
    """One principal with a producer, a consumer and an administrator's client."""

    def __init__(self, login: Login) -> None:
        self._login = login

    async def __aenter__(self) -> "Visitor":
        # Not idempotent: an idempotent producer that may write nothing could not even start.
        self._writer = AIOKafkaProducer(**self._login.aiokafka())
        self._reader = AIOKafkaConsumer(**self._login.aiokafka(), enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(**self._login.aiokafka())
        await self._writer.start()
        await self._reader.start()
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._writer.stop()
        await self._reader.stop()
        await self._admin.close()

    async def writes(self, topic: str) -> bool:
        """Whether a record can be written. Any refusal but a missing permission fails the test."""
        try:
            await self._writer.send_and_wait(topic, b"matrix", key=b"matrix", partition=0)
        except TopicAuthorizationFailedError:
            return False
        return True

    async def reads(self, topic: str) -> bool:
        """Whether the first record can be read. A topic that is not listed cannot be read either."""
        if topic not in await self._reader.topics():
            return False
        at = TopicPartition(topic, 0)
        self._reader.assign([at])
        self._reader.seek(at, 0)
        try:
            records = await self._reader.getmany(at, timeout_ms=5000, max_records=1)
        except TopicAuthorizationFailedError:
            return False
        assert records, f"{topic} returned neither a record nor a refusal"
        return True

    async def creates(self, topic: str) -> bool:
        """Whether a new topic can be created."""
        [(_, code, *_)] = (await self._admin.create_topics([NewTopic(topic, 1, 1)])).topic_errors
        assert code == 0 or for_code(code) is TopicAuthorizationFailedError
        return code == 0

    async def joins(self, group: str) -> bool:
        """Whether the group's offsets can be read, which needs the permission to join it."""
        try:
            await self._admin.list_consumer_group_offsets(group)
        except GroupAuthorizationFailedError:
            return False
        return True


async def transacts(login: Login, transactional_id: str) -> bool:
    """Whether a transactional producer can start under this id. It writes nothing."""
    writer = AIOKafkaProducer(**login.aiokafka(), transactional_id=transactional_id)
    try:
        await writer.start()
    except TransactionalIdAuthorizationFailed:
        return False
    finally:
        await writer.stop()
    return True
