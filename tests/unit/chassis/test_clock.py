"""The clock: real time, or accelerated from an origin on, the same in every process."""

from datetime import UTC, datetime, timedelta

import pytest

from services.chassis.clock import EPOCH, Clock

REAL_TIME = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def test_at_speed_one_the_clock_shows_real_time() -> None:
    before, shown, after = datetime.now(UTC), Clock().now(), datetime.now(UTC)
    assert before - timedelta(milliseconds=1) <= shown <= after + timedelta(milliseconds=1)
    assert Clock().at(REAL_TIME.timestamp() * 1000) == REAL_TIME


@pytest.mark.parametrize("speed", [0.5, 60.0, 1440.0])
def test_an_accelerated_clock_counts_from_its_origin(speed: float) -> None:
    clock = Clock(REAL_TIME, speed)
    assert clock.at(REAL_TIME.timestamp() * 1000) == REAL_TIME
    assert clock.at((REAL_TIME + timedelta(minutes=1)).timestamp() * 1000) == REAL_TIME + timedelta(minutes=speed)
    assert clock.real(timedelta(minutes=speed)) == pytest.approx(60)


def test_broker_times_and_ours_are_on_the_same_clock() -> None:
    clock = Clock(EPOCH, 1440)
    now = clock.now()
    assert abs(clock.at(datetime.now(UTC).timestamp() * 1000) - now) < timedelta(minutes=30)
    assert now.tzinfo == UTC
