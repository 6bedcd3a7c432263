"""What operators' commands ask of Kafka, beyond what deploy/ does."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec

from contracts.topics import DEAD_LETTERS
from deploy.cluster import topics
from deploy.cluster.access import AccessError
from deploy.cluster.login import Login
from deploy.cluster.quotas import QuotaError
from deploy.cluster.read_topic import ReadTopicError, whole
from services.chassis.ports import Partition

from ..shared.connection import Hints, reach, words
from ..shared.errors import UserError
from .dead_letter import DeadLetter, Whole

_PATIENCE = 20.0
_DELIVERY_MS = 15_000
_LARGEST = 2_000_000
"""Bytes; the topics' own limits are the ones that count."""

FAILURES = (KafkaException, AccessError, QuotaError, ReadTopicError, *topics.FAILURES)
"""What goes wrong with a Kafka that has answered once, here and in deploy/."""


class OperatorKafka:
    """A Kafka that has answered. `UserError` when it does not, or not to us."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._admin, self._topics = reach(login, Hints())

    @property
    def topics(self) -> dict[str, int]:
        """All topics and their numbers of partitions."""
        return self._topics

    def letters(self, start: int = 0) -> Iterator[DeadLetter]:
        """All dead letters there are, oldest first."""
        for message in whole(self.login, DEAD_LETTERS, start):
            yield DeadLetter.read(message.offset(), message.timestamp()[1], message.headers() or [], message.value())

    def letter(self, offset: int) -> DeadLetter:
        """One dead letter."""
        found = next(self.letters(offset), None)
        if found is None or found.offset != offset:
            raise UserError(
                f"there is no dead letter {offset}", "they are kept for 7 days; see `referrals dead-letters list`"
            )
        return found

    def publish(self, records: Sequence[tuple[DeadLetter, Whole]]) -> list[str | None]:
        """Put records back where they came from, in this order; for each, what failed, or None.

        A record goes to the partition it was on: librdkafka's own choice for a key is another than our services'.
        """
        said: dict[int, str | None] = {}
        writer = Producer(
            {
                **self.login.confluent(),
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # Java's and aiokafka's, for what never was on a partition
                "message.timeout.ms": _DELIVERY_MS,
                "message.max.bytes": _LARGEST,
            }
        )
        for index, (letter, record) in enumerate(records):
            try:
                self._produce(writer, letter, record, said, index)
            except (KafkaException, BufferError) as error:
                said[index] = words(error)
        writer.flush(_PATIENCE)
        unknown = "no answer from Kafka: it may have arrived; replay it again, its id is the same"
        return [said.get(index, unknown) for index in range(len(records))]

    def _produce(self, writer: Any, letter: DeadLetter, record: Whole, said: dict[int, str | None], index: int) -> None:
        def settled(error: KafkaError | None, _: Any) -> None:
            said[index] = error.str() if error else None

        to = {} if letter.partition is None else {"partition": letter.partition}
        while True:
            try:
                writer.produce(
                    letter.topic, record.value, record.key, headers=record.headers, on_delivery=settled, **to
                )
                return
            except BufferError:  # its queue is full
                if writer.flush(_PATIENCE):
                    raise

    def ends(self, names: Iterable[str]) -> dict[Partition, tuple[int, int]]:
        """The first and the next offset of each partition of these topics."""
        at = [TopicPartition(name, number) for name in names for number in range(self._topics.get(name, 0))]
        if not at:
            return {}
        firsts = self._admin.list_offsets(dict.fromkeys(at, OffsetSpec.earliest()), request_timeout=_PATIENCE)
        ends = self._admin.list_offsets(dict.fromkeys(at, OffsetSpec.latest()), request_timeout=_PATIENCE)
        return {(each.topic, each.partition): (firsts[each].result().offset, ends[each].result().offset) for each in at}

    def committed(self, groups: Iterable[str]) -> dict[str, dict[Partition, int]]:
        """How far each group has settled."""
        asked = {  # librdkafka takes one group in a call
            group: self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=_PATIENCE
            )[group]
            for group in groups
        }
        return {
            group: {(at.topic, at.partition): at.offset for at in answer.result().topic_partitions if at.offset >= 0}
            for group, answer in asked.items()
        }

    def members(self, groups: Sequence[str]) -> dict[str, int]:
        """How many instances are in each group."""
        asked = self._admin.describe_consumer_groups(list(groups), request_timeout=_PATIENCE)
        return {group: len(answer.result().members) for group, answer in asked.items()}
