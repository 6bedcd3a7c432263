"""What expired unread is counted, once, however often it is looked at."""

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.ports import Partition
from services.chassis.retention import LostRecords, never_read

A: Partition = ("agency.a.referrals", 0)
B: Partition = ("agency.b.referrals", 0)

moves = st.lists(st.tuples(st.sampled_from(["append", "expire", "read", "look"]), st.integers(0, 5)), max_size=40)


def test_two_of_three_records_that_expired_over_a_weekend_are_lost() -> None:
    assert never_read({A: 12}, {A: 10}) == {A: 2}
    assert never_read({A: 10}, {A: 10}) == {}
    assert never_read({A: 3}, {A: 10}) == {}


def test_of_a_partition_never_read_all_that_expired_is_lost_and_a_new_group_has_lost_nothing() -> None:
    assert never_read({A: 5, B: 7}, {A: 5}) == {B: 7}
    assert never_read({A: 5, B: 7}, {}) == {}


@given(moves)
def test_what_is_reported_is_what_expired_unread(steps: list[tuple[str, int]]) -> None:
    """Beside a log that keeps account itself. A reader that is behind goes on at the first record there is."""
    lost, start, end, committed = LostRecords(), 0, 0, 0
    expired_unread = reported = 0
    for step, count in [*steps, ("look", 0)]:
        match step:
            case "append":
                end += count
            case "expire":
                first = min(start + count, end)
                expired_unread += max(0, first - max(start, committed))
                start = first
            case "read":
                reported += sum(lost.new("g", {A: start}, {A: committed}).values())  # as at every start
                committed = min(max(start, committed) + count, end)
            case _:
                reported += sum(lost.new("g", {A: start}, {A: committed}).values())
    assert reported == expired_unread


def test_groups_are_counted_apart() -> None:
    lost = LostRecords()
    assert lost.new("g", {A: 2}, {A: 0}) == {A: 2}
    assert lost.new("h", {A: 2}, {A: 1}) == {A: 1}
    assert lost.new("g", {A: 2}, {A: 0}) == {}
