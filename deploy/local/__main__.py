"""Start Kafka, MongoDB and the four services on this machine and leave them running; stop them again.

    python -m deploy.local up           # returns when all are ready, and says where they are
    python -m deploy.local down         # stops them; the data stays in build/local for the next `up`

`up` leaves one process behind that holds all others and starts again what dies: its id is in build/local/state.json.
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
    """Start everything, unless it runs already."""
    if state := State.read():
        state.show()
        return
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / "state.json").unlink(missing_ok=True)
    log = HOME / "hold.log"
    with log.open("wb") as out:
        holder = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "hold"],
            cwd=HOME.parents[1],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        while not (state := State.read()):
            if holder.poll() is not None:
                raise StartError(log.read_text().strip())
            time.sleep(0.1)
    except BaseException:  # Ctrl-C above all
        holder.terminate()
        raise
    state.show()


def hold() -> None:
    """Hold everything until told to stop, and start again what dies, as an orchestrator would."""
    with LocalStack(HOME, AccessControl()) as stack:
        topics.create(stack.addresses.operator, topics.internal())
        token = keys.operator_token(HOME / "keys")
        with start_services(stack.addresses, HOME, {"REFERRALS_OPERATOR_TOKEN": token}) as services:
            urls = {name: service.url for name, service in services.items()}
            State(os.getpid(), stack.addresses, urls, token, keys.operator_key_file(HOME / "keys")).write()
            _watch(stack, services)


def _watch(stack: LocalStack, services: Services) -> None:
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
    """Stop what `up` started, if it runs."""
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
    """Do what the first argument says."""
    command, *rest = sys.argv[1:] or ["help"]
    try:
        if command in ("up", "down", "hold") and not rest:
            {"up": up, "down": down, "hold": hold}[command]()
        else:
            sys.exit(__doc__)
    except StartError as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
