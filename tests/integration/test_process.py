"""No process outlives the one that started it, and the error of a failed start has the end of the log."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.process import Process, StartError

PARENT = """
import signal, sys, threading, time
from pathlib import Path
from deploy.local.process import Process, exit_on_sigterm

signal.signal(signal.SIGINT, signal.default_int_handler)   # the process that runs the tests may ignore it
exit_on_sigterm()
child = Process("child", ["sleep", "600"], Path(sys.argv[1]), ready=lambda: True)
starter = threading.Thread(target=child.start)   # ends at once, and the child must go on
starter.start()
starter.join()
time.sleep(0.2)
assert child.running
print(child.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"  # dead, and not yet reaped by its new parent


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel kills children with their parent")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_children_die_with_their_parent(tmp_path: Path, end: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not gone(child)
        os.kill(parent.pid, end)
        try:
            parent.wait(60)
        finally:
            parent.kill()
    deadline = time.monotonic() + 60
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(child)


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    program = Process("broken", ["sh", "-c", "echo no such thing; exit 3"], tmp_path / "log", ready=lambda: False)
    with pytest.raises(StartError, match=r"broken ended with code 3(.|\n)*no such thing"):
        program.start()


def test_a_process_that_is_never_ready_is_killed(tmp_path: Path) -> None:
    program = Process("slow", ["sleep", "600"], tmp_path / "log", ready=lambda: False, patience=0.1)
    with pytest.raises(StartError, match="not ready within"):
        program.start()
    assert not program.running


def test_kill_freeze_thaw_and_restart(tmp_path: Path) -> None:
    beats = tmp_path / "beats"
    command = ["sh", "-c", f"while :; do echo . >> {beats}; sleep 0.02; done"]
    program = Process("beating", command, tmp_path / "log", ready=beats.exists)
    program.start()
    program.freeze()
    time.sleep(0.1)
    before = beats.stat().st_size
    time.sleep(0.1)
    assert beats.stat().st_size == before
    program.thaw()
    deadline = time.monotonic() + 60
    while beats.stat().st_size == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert beats.stat().st_size > before
    first = program.pid
    program.restart()
    assert program.pid != first
    assert gone(first)
    program.freeze()
    program.stop()
    assert not program.running
