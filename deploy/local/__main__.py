"""Start Kafka, MongoDB and the four services on this machine, and leave them running; or stop them.

    python -m deploy.local up           # returns when all are ready, and prints their addresses
    python -m deploy.local down         # stops them; the data stays in build/local for the next `up`

`up` leaves a supervisor process behind, which owns all others and restarts any that ends. Its process id is in
build/local/state.json.
"""

import os
import signal
import subprocess
import sys
import time

from deploy.cluster import topics
from deploy.local.kafka import AccessControl
from deploy.local.process import StartError
from deploy.local.services import Services, start_services
from deploy.local.stack import LocalStack
from deploy.local.state import HOME, State
from deploy.secrets import keys


def up() -> None:
    """Start everything, unless it is running already, and print the addresses. Raises `StartError`."""
    if state := State.read():
        state.show()
        return
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / "state.json").unlink(missing_ok=True)
    log = HOME / "hold.log"
    with log.open("wb") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "hold"],
            cwd=HOME.parents[1],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        while not (state := State.read()):
            if supervisor.poll() is not None:
                raise StartError(log.read_text().strip())
            time.sleep(0.1)
    except BaseException:  # Ctrl-C above all
        supervisor.terminate()
        raise
    state.show()


def supervise() -> None:
    """Start everything, write state.json, and restart whatever ends, as an orchestrator would. Runs until SIGTERM."""
    with LocalStack(HOME, AccessControl()) as stack:
        topics.create(stack.addresses.operator, topics.internal_topics())
        token = keys.operator_token(HOME / "keys")
        with start_services(stack.addresses, HOME, {"REFERRALS_OPERATOR_TOKEN": token}) as services:
            urls = {name: service.url for name, service in services.items()}
            State(os.getpid(), stack.addresses, urls, token, keys.operator_key_file(HOME / "keys")).write()
            _restart_what_ends(stack, services)


def _restart_what_ends(stack: LocalStack, services: Services) -> None:
    while True:
        time.sleep(1)
        for process in (stack.mongo, stack.kafka, *services.values()):
            if not process.running:
                print(f"{process.name} ended; starting it again", flush=True)
                try:
                    process.start()
                except StartError as failure:
                    print(failure, flush=True)


def down() -> None:
    """Stop what `up` started, if it is running."""
    state = State.read()
    if not state:
        print("Nothing is running.")
        return
    os.kill(state.pid, signal.SIGTERM)
    while state.alive():
        time.sleep(0.1)
    (HOME / "state.json").unlink(missing_ok=True)
    print("Stopped.")


def main() -> None:
    """Run the command that the first argument names; `hold` is for `up` alone."""
    command, *rest = sys.argv[1:] or ["help"]
    commands = {"up": up, "down": down, "hold": supervise}
    try:
        if command in commands and not rest:
            commands[command]()
        else:
            sys.exit(__doc__)
    except StartError as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
