"""Ctrl-C while events are sent: deferred until those in flight are settled."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.console.shared.interruption import deferred_interruption


@pytest.fixture(autouse=True)
def default_interruption() -> Iterator[None]:
    """Ctrl-C as in a terminal; a shell makes background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(times: int, states: list[bool]) -> None:
    with deferred_interruption() as pressed:
        states.append(pressed())
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        states.append(pressed())


def test_an_interruption_is_deferred_to_the_end_and_visible_meanwhile() -> None:
    states: list[bool] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupted(1, states)
    assert states == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interruption_is_not_deferred() -> None:
    states: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(2, states)
    assert states == [False]


def test_a_process_that_ignores_interruptions_keeps_ignoring_them() -> None:
    code = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from services.console.shared.interruption import deferred_interruption
with deferred_interruption() as interrupted:
    signal.raise_signal(signal.SIGINT)
    assert not interrupted()
print("done")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
