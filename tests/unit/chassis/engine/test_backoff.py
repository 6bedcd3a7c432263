"""An outage of any length: the pauses grow to five seconds and stay there."""

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.engine.backoff import Backoff
from tests.support.counter import Add
from tests.support.rig import Rig

DAY = 17_280
"""Batches that are postponed in a day, one each five seconds."""


@given(st.lists(st.booleans(), max_size=40))
def test_each_pause_is_twice_the_one_before_up_to_five_seconds_until_a_batch_is_settled(settled: list[bool]) -> None:
    backoff, failures = Backoff(), 0
    for each in settled:
        if each:
            backoff.reset()
            failures = 0
        else:
            assert backoff.pause() == min(0.2 * 2**failures, 5.0)
            failures += 1


def test_the_pause_is_five_seconds_however_many_batches_were_postponed() -> None:
    backoff = Backoff()
    pauses = [backoff.pause() for _ in range(DAY)]
    assert set(pauses[10:]) == {5.0}


async def test_a_loop_outlives_an_outage_of_more_than_a_thousand_batches() -> None:
    rig = Rig()
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    rig.send(Add(counter="a", by=1))
    loop, consumer = rig.loop(sleep=sleep), rig.group.join()
    rig.store.fail("load", *["before"] * 1_100)
    while batch := consumer.fetch():
        await loop.handle(batch)
    assert (len(pauses), pauses[-1]) == (1_100, 5.0)
    assert rig.totals("a") == [1]
