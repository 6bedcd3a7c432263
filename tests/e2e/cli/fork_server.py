"""Runs commands of `referrals` in forks of a process that has imported the console already.

    server = Process("commands", [sys.executable, "-m", "tests.e2e.cli.fork_server", socket], …)
    python -I -S tests/e2e/cli/forked_command.py SOCKET lag --json      # as `python -m services.console lag --json`

Importing the console takes over a second of CPU, a fork some milliseconds, and the end-to-end tests run more than a
hundred commands. Each is still a process of its own, with its own environment, folder, standard streams and signals;
only the start of the interpreter is not tested this way: `test_start.py` does that.
"""

import gc
import json
import os
import signal
import socket
import sys

from services.console.__main__ import main as run_console

PID = 4
"""Bytes of a process id, and of an exit status, in the replies."""


def serve(path: str) -> None:
    """Take requests until killed. Returns only in the fork that is to run a command, by SystemExit or an error."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    gc.freeze()  # forks share these pages for longer
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the forks
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _answer(connection)
        connection.close()


def _answer(connection: socket.socket) -> None:
    """Run the command in one fork more, and send the client its process id and then its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    first, streams, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    parts = [first]
    while part := connection.recv(1 << 16):
        parts.append(part)
    request = json.loads(b"".join(parts))
    command = os.fork()
    if command == 0:
        connection.close()
        _become(request, streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(command.to_bytes(PID, sys.byteorder))
    _, status = os.waitpid(command, 0)
    connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(PID, sys.byteorder, signed=True))
    os._exit(0)


def _become(request: dict[str, object], streams: list[int]) -> None:
    """Be the command: it ends this process as it would end one of its own."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]  # JSON of a dict of str
    arguments = list(request["arguments"])  # type: ignore[call-overload]  # JSON of a list of str
    sys.argv = ["referrals", *arguments]
    run_console(arguments)


if __name__ == "__main__":
    serve(sys.argv[1])
