"""One program as a process: started, killed, frozen, thawed and restarted, always by its process id.

    server = Process("kafka", [java, …], log=data / "kafka.log", ready=lambda: answers(address))
    server.start()      # returns when `ready` is true; raises StartError with the end of the log otherwise
    server.kill()       # SIGKILL, as in a crash
    server.restart()    # same command, hence same port and data
    server.freeze()     # SIGSTOP: it keeps its connections and answers nothing
    server.thaw()
    server.stop()       # SIGTERM, and SIGKILL if it does not end

No process outlives the program that started it: processes are killed at interpreter exit, after SIGINT and SIGTERM,
and by the kernel (Linux) when this program is killed itself.
"""

import atexit
import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from deploy.local.spawner import spawn

LOCALHOST = "127.0.0.1"


class StartError(RuntimeError):
    """A process ended or was not ready in time while starting. The message ends with the last lines of its log."""


class Process:
    """A program started by us. `ready` is called until it returns True; it must not raise."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        patience: float = 60,
    ) -> None:
        """`env` is added to our own environment; `patience` is how long a start may take, in seconds."""
        self.name, self.command, self.log, self.ready, self.patience = name, list(command), log, ready, patience
        self.env = dict(env or {})
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process exists, frozen or not."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group. Raises `RuntimeError` when it is not running."""
        if self._popen is None or not self.running:
            raise RuntimeError(f"{self.name} is not running")
        return self._popen.pid

    def start(self) -> None:
        """Start and wait until ready. Raises `StartError`."""
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start without waiting, so that several processes can start at the same time. Appends to the log."""
        if self.running:
            raise RuntimeError(f"{self.name} is already running")
        self._popen = spawn(self.command, self.log, {**os.environ, **self.env})
        _started.add(self)

    def wait_ready(self) -> None:
        """Wait until ready. Raises `StartError` when the process ends; kills it, too, after `patience` seconds."""
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
        """SIGKILL, as in a crash, and wait for the end. Does nothing when it is not running."""
        self._signal(signal.SIGKILL)
        if self._popen is not None:
            self._popen.wait()
        _started.discard(self)

    def terminate(self) -> None:
        """SIGTERM, without waiting. A frozen process is thawed, so that it receives the signal."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def stop(self, grace: float = 20) -> None:
        """SIGTERM, and SIGKILL if it has not ended after `grace` seconds."""
        self.terminate()
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
        self.kill()

    def restart(self) -> None:
        """Kill the process if it is running, then start the same command again: same port, same data."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: to others it looks like a network that loses every packet."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: the process continues where it stopped."""
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        # To the whole group, since a JVM or a service may have started helper processes.
        if self._popen is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)

    def _failure(self, what: str) -> str:
        return f"{self.name} {what}. Last lines of {self.log}:\n{self.tail()}"


def free_port() -> int:
    """A free TCP port of 127.0.0.1, below the range that the kernel uses for outgoing connections.

    While a killed server is away, any outgoing connection could take a port of that range, even that of a client
    connected to itself; the restarted server would then find its own port in use.
    """
    for _ in range(1000):
        port = random.randint(20_000, 32_000)
        if port_is_free(port):
            return port
    raise RuntimeError("no free port between 20000 and 32000 on 127.0.0.1")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether something accepts connections on this port: a cheap check before an expensive one."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOCALHOST, port)) == 0


def exit_on_sigterm() -> None:
    """Let SIGTERM end this program in good order, unless it has another handler or this is not the main thread."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


_started: set[Process] = set()


@atexit.register
def _kill_all() -> None:
    for process in list(_started):
        process.kill()
