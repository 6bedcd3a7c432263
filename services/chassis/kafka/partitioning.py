"""Which partition a key goes to: the same as with Java's client and aiokafka, but each key is hashed only once."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition number, out of `partitions`. Hashes are cached, since all events of a referral have one key."""
    return _hash(key) % partitions


@lru_cache(maxsize=20_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
