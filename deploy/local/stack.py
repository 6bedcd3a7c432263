"""A real Kafka and a real MongoDB on free ports of 127.0.0.1, without Docker.

    with LocalStack() as stack:                 # or LocalStack(Path("build/data")) to keep the data
        stack.addresses                         # Addresses(kafka="127.0.0.1:20123", mongo="mongodb://…")
        stack.kafka.kill(); stack.kafka.restart()       # see process.py: also freeze, thaw, running
        stack.mongo.freeze(); stack.mongo.thaw()

`start()` and `stop()` do the same without `with`. Logs: kafka.log and mongo.log in the data folder. No topics are
there yet: see topics.py.
"""

import json
import secrets
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from contracts.topics import SERVICES
from deploy.cluster import access
from deploy.cluster.login import Login
from deploy.local.addresses import Addresses as Addresses
from deploy.local.kafka import AccessControl, Kafka
from deploy.local.mongo import Mongo
from deploy.local.process import exit_on_sigterm


def let_in(operator: Login) -> dict[str, str]:
    """Give services and the analyst their rules, and new passwords, which are returned."""
    passwords = {user: secrets.token_urlsafe(24) for user in (*SERVICES, access.ANALYST)}
    for user, password in passwords.items():
        access.set_password(operator, user, password)
    access.apply(operator, access.of_services())
    return passwords


class LocalStack:
    """The two servers and their data folder, which is a temporary one if none is given."""

    kafka: Kafka
    mongo: Mongo
    addresses: Addresses

    def __init__(self, data: Path | None = None, walls: AccessControl | None = None) -> None:
        self._walls = walls
        self._temporary = (
            None if data else tempfile.TemporaryDirectory(prefix="referral-routing-", ignore_cleanup_errors=True)
        )
        self.data = data or Path(self._temporary.name if self._temporary else "")

    def start(self) -> Addresses:
        """Start both at the same time and wait for both. StartFailed says what went wrong, with the end of the log."""
        exit_on_sigterm()
        try:
            self.mongo = Mongo(self.data / "mongo", self._walls is not None)
            self.mongo.spawn()  # comes up while Kafka is prepared
            self.kafka = Kafka(self.data / "kafka", self._walls)
            self.kafka.spawn()
            self.mongo.wait_ready()
            self.kafka.wait_ready()
            passwords = self._let_in() if self._walls else {}
        except BaseException:
            self.stop()
            raise
        self.addresses = Addresses(self.kafka.address, self.mongo.uri, self.kafka.operator, self.kafka.ca, passwords)
        return self.addresses

    def _let_in(self) -> dict[str, str]:
        """Rules and passwords of services and the analyst."""
        file = self.data / "kafka" / "passwords.json"
        if file.exists():
            found: dict[str, str] = json.loads(file.read_text())
            return found
        passwords = let_in(self.kafka.operator)
        file.touch(mode=0o600)
        file.write_text(json.dumps(passwords))
        return passwords

    def stop(self) -> None:
        """Stop both. Temporary data goes, so that there is nothing to flush; data of your own is closed properly."""
        servers = [getattr(self, name) for name in ("kafka", "mongo") if hasattr(self, name)]
        for server in servers:
            if self._temporary:
                server.kill()
            else:
                server.stop()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
