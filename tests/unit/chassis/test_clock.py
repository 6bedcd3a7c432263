"""The clock: wall time, or faster from an origin on, the same in every process."""

from datetime import UTC, datetime, timedelta

import pytest

from services.chassis.clock import EPOCH, Clock

WALL = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def test_at_speed_one_it_is_the_wall_clock() -> None:
    before, shown, after = datetime.now(UTC), Clock().now(), datetime.now(UTC)
    assert before - timedelta(milliseconds=1) <= shown <= after + timedelta(milliseconds=1)
    assert Clock().at(WALL.timestamp() * 1000) == WALL


@pytest.mark.parametrize("speed", [0.5, 60.0, 1440.0])
def test_a_faster_clock_counts_from_its_origin(speed: float) -> None:
    clock = Clock(WALL, speed)
    assert clock.at(WALL.timestamp() * 1000) == WALL
    assert clock.at((WALL + timedelta(minutes=1)).timestamp() * 1000) == WALL + timedelta(minutes=speed)
    assert clock.real(timedelta(minutes=speed)) == pytest.approx(60)


def test_brokers_times_and_ours_are_on_one_clock() -> None:
    clock = Clock(EPOCH, 1440)
    now = clock.now()
    assert abs(clock.at(datetime.now(UTC).timestamp() * 1000) - now) < timedelta(minutes=30)
    assert now.tzinfo == UTC
