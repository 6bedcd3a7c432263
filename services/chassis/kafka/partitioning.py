"""Which partition a key goes to: that of Java's client and aiokafka's, worked out once for each key."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The number of the partition, of so many. All events of a referral have one key; to hash it costs time."""
    return _hash(key) % partitions


@lru_cache(maxsize=20_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
