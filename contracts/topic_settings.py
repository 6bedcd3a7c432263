"""How each topic is kept: partitions, how long, and what is cleaned up. Kafka's own names of settings, as text.

Only this module says it. `deploy/cluster/topics.py` creates the topics from it, and the AsyncAPI document states it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from . import topics

HOUR = 3_600_000  # in milliseconds, as Kafka's settings are
DAY = 24 * HOUR
MIB = 1024 * 1024
PARTITIONS = 4
"""Of the topics that services fold. The others have one, so that their records have an order."""

LARGEST = 1_048_588
"""Kafka's own limit of a batch, in bytes, where a topic has no other."""

Settings = Mapping[str, str]


def kept(milliseconds: int) -> dict[str, str]:
    """Deleted after this time."""
    # Kafka deletes closed segments only: with the default length a quiet topic would keep its records a week longer.
    segment = max(HOUR, milliseconds // 24)
    return {"cleanup.policy": "delete", "retention.ms": str(milliseconds), "segment.ms": str(segment)}


def newest_of_each_key() -> dict[str, str]:
    """Compacted."""
    return {
        "cleanup.policy": "compact",
        "segment.ms": str(DAY),
        "max.compaction.lag.ms": str(DAY),  # replaced and removed entries are gone after about two days
        "delete.retention.ms": str(7 * DAY),  # a reader that was away for up to a week still sees removals
    }


def _broker_time() -> dict[str, str]:
    # Whether an answer met its deadline depends on when the broker received it, not on the sender's clock.
    return {"message.timestamp.type": "LogAppendTime"}


OF_TENANTS: Mapping[str, Settings] = MappingProxyType(
    {
        "agency.{agency}.referrals": {**kept(DAY), **_broker_time()},  # personal data: deleted after about a day
        "agency.{agency}.status": kept(90 * DAY),
        # Broker time, because the sender's clock must not decide whether an entry is newer than a "no capacity".
        "provider.{provider}.directory": {**newest_of_each_key(), **_broker_time()},
        "provider.{provider}.notifications": kept(7 * DAY),
        "provider.{provider}.responses": {**kept(7 * DAY), **_broker_time()},
    }
)
"""The topics of organisations, by address. Each has one partition."""

FOLDED = (*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION)
"""The topics whose events services fold into states. They have `PARTITIONS` partitions, all others have one."""

INTERNAL: Mapping[str, Settings] = MappingProxyType(
    {
        **dict.fromkeys(FOLDED, kept(7 * DAY)),
        # Dead letters hold whole records, encrypted and with added headers, so they are larger than any other record.
        topics.DEAD_LETTERS: {**kept(7 * DAY), "max.message.bytes": str(2 * MIB)},
        **dict.fromkeys((topics.TENANTS, topics.PRICES, topics.INDICATORS), newest_of_each_key()),
    }
)
"""The topics between the services, and those for operators and analysts, by name."""
