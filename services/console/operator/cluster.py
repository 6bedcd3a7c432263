"""The operator's Kafka client: dead letters, offsets and group members. Topics and rules are in deploy/cluster."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec

from contracts.topics import DEAD_LETTERS
from deploy.cluster import topics
from deploy.cluster.access import AccessError
from deploy.cluster.login import Login
from deploy.cluster.quotas import QuotaError
from deploy.cluster.read_topic import ReadTopicError, read_to_end
from services.chassis.ports import Partition

from ..shared.connection import Hints, connect, error_text
from ..shared.errors import UserError
from .dead_letter import DeadLetter, OriginalRecord

_TIMEOUT = 20.0
_DELIVERY_MS = 15_000
_LARGEST = 2_000_000
"""Bytes of a record to send; the topics themselves have lower limits."""

Settle = Callable[[KafkaError | None, Any], None]
"""Called when Kafka has stored a record, or has not."""

FAILURES = (KafkaException, AccessError, QuotaError, ReadTopicError, *topics.FAILURES)
"""What a command may raise after Kafka has responded once, here and in deploy/."""


class OperatorKafka:
    """The operator's connection. Raises `UserError` when Kafka does not respond or refuses the login."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._admin, self._topics = connect(login, Hints())

    @property
    def topics(self) -> dict[str, int]:
        """All topics with their numbers of partitions."""
        return self._topics

    def dead_letters(self, start: int = 0) -> Iterator[DeadLetter]:
        """All dead letters from the offset `start` on, oldest first."""
        for message in read_to_end(self.login, DEAD_LETTERS, start):
            yield DeadLetter.read(message.offset(), message.timestamp()[1], message.headers() or [], message.value())

    def dead_letter(self, offset: int) -> DeadLetter:
        """One dead letter. Raises `UserError` when there is none at this offset."""
        dead_letter = next(self.dead_letters(offset), None)
        if dead_letter is None or dead_letter.offset != offset:
            hint = "they are kept for 7 days; see `referrals dead-letters list`"
            raise UserError(f"there is no dead letter {offset}", hint)
        return dead_letter

    def publish(self, records: Sequence[tuple[DeadLetter, OriginalRecord]]) -> list[str | None]:
        """Publish records again where they came from, in this order. Returns for each the failure, or None.

        A record goes to the partition that it was on; one that never had a partition goes where its key belongs.
        """
        outcomes: dict[int, str | None] = {}
        writer = Producer({**self.login.confluent_producer(_DELIVERY_MS), "message.max.bytes": _LARGEST})
        for index, (dead_letter, record) in enumerate(records):

            def settle(error: KafkaError | None, _: Any, index: int = index) -> None:
                outcomes[index] = error.str() if error else None

            try:
                self._produce(writer, dead_letter, record, settle)
            except (KafkaException, BufferError) as error:
                outcomes[index] = error_text(error)
        writer.flush(_TIMEOUT)
        unknown = "Kafka did not respond: it may have arrived; replay it again, its id stays the same"
        return [outcomes.get(index, unknown) for index in range(len(records))]

    def _produce(self, writer: Any, dead_letter: DeadLetter, record: OriginalRecord, settle: Settle) -> None:
        partition = {} if dead_letter.partition is None else {"partition": dead_letter.partition}
        while True:
            try:
                writer.produce(
                    dead_letter.topic, record.value, record.key, headers=record.headers, on_delivery=settle, **partition
                )
                return
            except BufferError:  # the producer's queue is full
                if writer.flush(_TIMEOUT):
                    raise

    def ends(self, names: Iterable[str]) -> dict[Partition, tuple[int, int]]:
        """The first and the next offset of each partition of these topics."""
        partitions = [TopicPartition(name, number) for name in names for number in range(self._topics.get(name, 0))]
        if not partitions:
            return {}
        firsts = self._admin.list_offsets(dict.fromkeys(partitions, OffsetSpec.earliest()), request_timeout=_TIMEOUT)
        ends = self._admin.list_offsets(dict.fromkeys(partitions, OffsetSpec.latest()), request_timeout=_TIMEOUT)
        return {
            (each.topic, each.partition): (firsts[each].result().offset, ends[each].result().offset)
            for each in partitions
        }

    def committed(self, groups: Iterable[str]) -> dict[str, dict[Partition, int]]:
        """The committed offsets of each group."""
        futures = {  # librdkafka accepts only one group per call
            group: self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT
            )[group]
            for group in groups
        }
        return {
            group: {
                (each.topic, each.partition): each.offset
                for each in future.result().topic_partitions
                if each.offset >= 0
            }
            for group, future in futures.items()
        }

    def members(self, groups: Sequence[str]) -> dict[str, int]:
        """The number of instances in each group."""
        futures = self._admin.describe_consumer_groups(list(groups), request_timeout=_TIMEOUT)
        return {group: len(future.result().members) for group, future in futures.items()}
