"""Kafka behind the Log and Batch ports, through FastStream. The only folder that uses aiokafka's consumers.

    connection.py    the broker connection, and how subscribers are set up; start here
    consuming.py     the Batch port, rebalances, and `Subscription`
    producing.py     the Log port
    following.py     compacted topics, read whole
    offsets.py       how far consumer groups have read
    waiting.py       retries until Kafka or MongoDB is available
    security.py      logins and TLS
    partitioning.py  which partition a key goes to
    records.py, membership.py   corrections of aiokafka 0.14

Not here: which topics exist and who may use them. That is ``deploy/cluster``.
"""

from .connection import broker
from .consuming import KafkaBatch, Subscription
from .following import Follower
from .offsets import KafkaOffsets
from .producing import KafkaLog
from .security import connecting
from .waiting import check_topics, until_available

__all__ = [
    "Follower",
    "KafkaBatch",
    "KafkaLog",
    "KafkaOffsets",
    "Subscription",
    "broker",
    "check_topics",
    "connecting",
    "until_available",
]
