"""Waiting with a deadline."""

import pytest

from deploy.waiting import retrying, retrying_async, wait_until


class Attempts:
    """Fails or is false a number of times, then succeeds."""

    def __init__(self, failures: int, error: type[Exception] = ConnectionError) -> None:
        self.left, self.error, self.calls = failures, error, 0

    def condition(self) -> bool:
        self.calls += 1
        return self.calls > self.left

    def connect(self) -> str:
        if not self.condition():
            raise self.error
        return "connected"


def is_away(error: BaseException) -> bool:
    return isinstance(error, ConnectionError)


def test_a_condition_is_checked_until_it_holds() -> None:
    attempts = Attempts(3)
    wait_until(attempts.condition, TimeoutError, timeout=5, every=0.001)
    assert attempts.calls == 4


def test_a_condition_that_never_holds_raises_the_given_error() -> None:
    with pytest.raises(TimeoutError):
        wait_until(lambda: False, TimeoutError, timeout=0.01, every=0.001)


def test_an_expected_error_is_retried() -> None:
    assert retrying(is_away, timeout=5, every=0.001)(Attempts(3).connect) == "connected"


def test_an_expected_error_that_stays_is_raised_at_the_deadline() -> None:
    with pytest.raises(ConnectionError):
        retrying(is_away, timeout=0.01, every=0.001)(Attempts(10**9).connect)


def test_another_error_is_raised_at_once() -> None:
    attempts = Attempts(3, LookupError)
    with pytest.raises(LookupError):
        retrying(is_away, timeout=5, every=0.001)(attempts.connect)
    assert attempts.calls == 1


async def test_a_coroutine_is_retried_too() -> None:
    attempts = Attempts(2)

    async def connect() -> str:
        return attempts.connect()

    assert await retrying_async(is_away, timeout=5, every=0.001)(connect) == "connected"
