"""Ctrl-C amid a submission: kept until what is under way is settled."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.console.shared.client import _kept_interruption


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell has what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(times: int, told: list[bool]) -> None:
    with _kept_interruption() as heard:
        told.append(heard())
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        told.append(heard())


def test_an_interruption_is_kept_to_the_end_and_told_in_between() -> None:
    told: list[bool] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupted(1, told)
    assert told == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_one_is_not_kept() -> None:
    told: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(2, told)
    assert told == [False]


def test_who_is_not_to_be_interrupted_is_not() -> None:
    code = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from services.console.shared.client import _kept_interruption
with _kept_interruption() as interrupted:
    signal.raise_signal(signal.SIGINT)
    assert not interrupted()
print("done")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
