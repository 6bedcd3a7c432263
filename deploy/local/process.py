"""One program as a process of its own: started, killed, frozen, thawed and restarted, always by process id.

    server = Process("kafka", [java, …], log=data / "kafka.log", ready=lambda: answers(address))
    server.start()      # returns when `ready` says so; raises StartFailed with the end of the log otherwise
    server.kill()       # SIGKILL, as a crash
    server.restart()    # same command, hence same port and data
    server.freeze()     # SIGSTOP: it holds its connections and answers nobody
    server.thaw()
    server.stop()       # SIGTERM, and SIGKILL if it does not listen

No process outlives the program that started it: they are killed at interpreter exit, after SIGINT and SIGTERM, and
by the kernel (Linux) if this program dies without a word.
"""

import atexit
import contextlib
import ctypes
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
LOCALHOST = "127.0.0.1"


class StartError(RuntimeError):
    """A process ended, or was not ready in time, while it was started. The message ends with its last log lines."""


class Process:
    """A program started by us. `ready` is asked until it says True; it must not raise."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        patience: float = 60,
    ) -> None:
        """`env` is added to our own environment; `patience` is how many seconds a start may take."""
        self.name, self.command, self.log, self.ready, self.patience = name, list(command), log, ready, patience
        self.env = dict(env or {})
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the program is there, frozen or not."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The process id, which is also that of its process group. RuntimeError when it is not running."""
        if self._popen is None or not self.running:
            raise RuntimeError(f"{self.name} is not running")
        return self._popen.pid

    def start(self) -> None:
        """Start and wait until ready."""
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start without waiting, so that several can start at the same time. Appends to the log."""
        if self.running:
            raise RuntimeError(f"{self.name} is running already")
        self._popen = _spawn(self.command, self.log, {**os.environ, **self.env})
        _started.add(self)

    def wait_ready(self) -> None:
        """Wait until ready; StartFailed (and the process killed) if it ends or takes longer than `patience`."""
        deadline = time.monotonic() + self.patience
        while not self.ready():
            if not self.running:
                code = self._popen.returncode if self._popen else None
                raise StartError(self._failure(f"ended with code {code}"))
            if time.monotonic() > deadline:
                self.kill()
                raise StartError(self._failure(f"was not ready within {self.patience:g} s"))
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, as a crash, and wait for the end. Nothing happens when it is not running."""
        self._signal(signal.SIGKILL)
        if self._popen is not None:
            self._popen.wait()
        _started.discard(self)

    def terminate(self) -> None:
        """SIGTERM, without waiting. A frozen one is thawed to hear it."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def stop(self, grace: float = 20) -> None:
        """SIGTERM, and SIGKILL if it is still there after `grace` seconds."""
        self.terminate()
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
        self.kill()

    def restart(self) -> None:
        """Kill it if it runs, then start the same command again: same port, same data."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: from outside it looks like a network that swallows everything."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: goes on as if nothing had been."""
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        # The whole group: a JVM or a service may have started helpers.
        if self._popen is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)

    def _failure(self, what: str) -> str:
        return f"{self.name} {what}. The end of {self.log}:\n{self.tail()}"


def free_port() -> int:
    """A free TCP port of 127.0.0.1, below the range from which the kernel serves outgoing connections.

    A port of that range can be taken by anybody's outgoing connection while a killed server is away, even by a
    client that connects to itself; the restarted server would then find its own port in use.
    """
    for _ in range(1000):
        port = random.randint(20_000, 32_000)
        if port_is_free(port):
            return port
    raise RuntimeError("no free port between 20000 and 32000 on 127.0.0.1")


def port_is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether somebody accepts connections there: the cheap question before the dear one."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOCALHOST, port)) == 0


def exit_on_sigterm() -> None:
    """Let SIGTERM end this program the orderly way, unless somebody else handles it or this is not the main thread."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


_started: set[Process] = set()


@atexit.register
def _kill_all() -> None:
    for process in list(_started):
        process.kill()


# PR_SET_PDEATHSIG is sent when the *thread* that started a process ends, not when its program does. A server started
# from a worker thread would die with it; so one thread that never ends starts them all.
_orders: "queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]]"
_orders = queue.SimpleQueue()
_spawner: threading.Thread | None = None
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _spawn(command: list[str], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    global _spawner
    if _spawner is None:
        _spawner = threading.Thread(target=_serve, name="spawner", daemon=True)
        _spawner.start()
    log.parent.mkdir(parents=True, exist_ok=True)

    def order() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for us, and we stop them in order
                preexec_fn=_die_with_parent if _libc else None,
            )

    future: Future[subprocess.Popen[bytes]] = Future()
    _orders.put((order, future))
    return future.result()


def _serve() -> None:
    while True:
        order, future = _orders.get()
        try:
            future.set_result(order())
        except Exception as error:  # noqa: BLE001  (it belongs to who ordered)
            future.set_exception(error)


def _die_with_parent() -> None:
    if _libc is not None:
        pr_set_pdeathsig = 1
        _libc.prctl(pr_set_pdeathsig, signal.SIGKILL)
