"""Other writers to our topics hash with Java's client or aiokafka: a key must go to the same partition."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.kafka.partitioning import partition_of


@given(st.binary(max_size=64), st.integers(1, 50))
def test_a_key_goes_to_the_same_partition_as_with_other_clients(key: bytes, count: int) -> None:
    partitions = list(range(count))
    for _ in range(2):  # hashed, then cached
        assert partition_of(key, count) == DefaultPartitioner()(key, partitions, [])


def test_the_number_of_partitions_may_grow() -> None:
    seen = {partition_of(b"e2e2dffe", count) for count in (1, 6, 12)}
    assert seen == {DefaultPartitioner()(b"e2e2dffe", list(range(count)), []) for count in (1, 6, 12)}
