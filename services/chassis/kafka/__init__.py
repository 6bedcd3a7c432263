"""Kafka behind the Log and Batch ports, through FastStream. The only folder that touches aiokafka's consumers."""

from .connection import broker
from .consuming import KafkaBatch, Subscription
from .following import Follower
from .offsets import KafkaOffsets
from .producing import KafkaLog
from .security import connecting

__all__ = ["Follower", "KafkaBatch", "KafkaLog", "KafkaOffsets", "Subscription", "broker", "connecting"]
