"""Waiting with a deadline: until a condition holds, or while an expected error may still pass."""

from collections.abc import Callable
from operator import not_
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

T = TypeVar("T")


def wait_until(condition: Callable[[], bool], error: Callable[[], Exception], timeout: float, every: float) -> None:
    """Return as soon as `condition` is true, checking it each `every` seconds.

    Raises what `error` makes when it is still false after `timeout` seconds.
    """

    def give_up(_: RetryCallState) -> bool:
        raise error()

    Retrying(
        retry=retry_if_result(not_),
        stop=stop_after_delay(timeout),
        wait=wait_fixed(every),
        retry_error_callback=give_up,
    )(condition)


def retrying(passes: Callable[[BaseException], bool], timeout: float, every: float) -> Retrying:
    """Call a function again each `every` seconds while it raises an error that `passes`: ``retrying(…)(function)``.

    The error itself is raised after `timeout` seconds, and at once where it is of another kind.
    """
    return Retrying(
        retry=retry_if_exception(passes), stop=stop_after_delay(timeout), wait=wait_fixed(every), reraise=True
    )


def retrying_async(passes: Callable[[BaseException], bool], timeout: float, every: float) -> AsyncRetrying:
    """`retrying`, for a coroutine function: ``await retrying_async(…)(function)``."""
    return AsyncRetrying(
        retry=retry_if_exception(passes), stop=stop_after_delay(timeout), wait=wait_fixed(every), reraise=True
    )
