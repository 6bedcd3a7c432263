"""A bitmap of words is the set of the numbers that were put into it."""

from hypothesis import given
from hypothesis import strategies as st

from services.chassis import bitmaps

numbers = st.sets(st.one_of(st.integers(0, 200), st.integers(0, 99_999)), max_size=50)


@given(numbers)
def test_the_numbers_come_back_in_order(chosen: set[int]) -> None:
    words = bitmaps.masks(chosen)
    assert all(-(2**63) <= word < 2**63 for word in words.values()), "MongoDB has no larger integers"
    assert bitmaps.lowest(bitmaps.bits(words), 100) == sorted(chosen)


@given(numbers, st.integers(0, 60))
def test_the_lowest_numbers_are_the_first(chosen: set[int], count: int) -> None:
    assert bitmaps.lowest(bitmaps.bits(bitmaps.masks(chosen)), count) == sorted(chosen)[:count]
