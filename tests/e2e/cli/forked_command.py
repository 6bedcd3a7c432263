"""The client of `fork_server`: has it run a command on this process's streams, passes Ctrl-C on, ends as it ended.

Run as a file and without the site module (`python -I -S`), so that it starts in some milliseconds.
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """``forked_command.py SOCKET ARGUMENT…``"""
    path, *arguments = sys.argv[1:]
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
    interrupted: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupted.append(number))
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(path)
    socket.send_fds(server, [b" "], [0, 1, 2])  # a blank before the JSON
    server.sendall(json.dumps(request).encode())
    server.shutdown(socket.SHUT_WR)
    command = int.from_bytes(_four(server), sys.byteorder)
    if interrupted:
        os.kill(command, signal.SIGINT)
    signal.signal(signal.SIGINT, lambda number, _: os.kill(command, number))
    status = int.from_bytes(_four(server), sys.byteorder, signed=True)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


def _four(server: socket.socket) -> bytes:
    received = b""
    while len(received) < 4:
        part = server.recv(4 - len(received))
        if not part:
            sys.exit("the server of commands has ended")
        received += part
    return received


main()
