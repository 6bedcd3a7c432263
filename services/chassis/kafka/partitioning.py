"""Which partition a key goes to: that of Java's client and aiokafka's, worked out once for each key."""

from collections.abc import Sequence
from functools import lru_cache

from aiokafka.partitioner import DefaultPartitioner, murmur2

_anywhere = DefaultPartitioner()


def partition_of(key: bytes | None, all_partitions: Sequence[int], available: Sequence[int]) -> int:
    """See aiokafka's `partitioner`. All events of a referral have one key; to hash it costs as much as to send."""
    if key is None:
        return int(_anywhere(key, all_partitions, available))
    return all_partitions[_hash(key) % len(all_partitions)]


@lru_cache(maxsize=20_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
