"""Starts processes from one thread that never ends, so that the kernel kills them when this program dies (Linux).

The kernel sends PR_SET_PDEATHSIG when the *thread* that started a process ends, not when its program does. A server
started from a worker thread would die with that thread.
"""

import ctypes
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

_Popen = subprocess.Popen[bytes]
_jobs: "queue.SimpleQueue[tuple[Callable[[], _Popen], Future[_Popen]]]" = queue.SimpleQueue()
_spawner: threading.Thread | None = None


def spawn(command: list[str], log: Path, env: Mapping[str, str]) -> _Popen:
    """Start a command in a process group of its own, with its output appended to `log`."""
    global _spawner
    if _spawner is None:
        _spawner = threading.Thread(target=_work, name="spawner", daemon=True)
        _spawner.start()
    log.parent.mkdir(parents=True, exist_ok=True)

    def start() -> _Popen:
        with log.open("ab") as out:
            return subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal goes to us, and we stop them in order
                preexec_fn=_die_with_parent if _libc else None,
            )

    future: Future[_Popen] = Future()
    _jobs.put((start, future))
    return future.result()


def _work() -> None:
    while True:
        start, future = _jobs.get()
        try:
            future.set_result(start())
        except Exception as error:  # noqa: BLE001  (the caller of `spawn` handles it)
            future.set_exception(error)


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
