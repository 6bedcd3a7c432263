"""A real Kafka and a real MongoDB on free ports of 127.0.0.1, without Docker.

    with LocalStack() as stack:                 # or LocalStack(Path("build/data")) to keep the data
        stack.addresses                         # Addresses(kafka="127.0.0.1:20123", mongo="mongodb://…")
        stack.kafka.kill(); stack.kafka.restart()       # see process.py: also freeze, thaw, running
        stack.mongo.freeze(); stack.mongo.thaw()

`start()` and `stop()` do the same without `with`. The logs are kafka.log and mongo.log in the data folder. Topics must
still be created: see deploy/cluster/topics.py.
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


def provision_service_users(operator: Login) -> dict[str, str]:
    """Give the services and the analyst their access rules and new passwords. Returns the passwords by user."""
    passwords = {user: secrets.token_urlsafe(24) for user in (*SERVICES, access.ANALYST)}
    for user, password in passwords.items():
        access.set_password(operator, user, password)
    access.apply(operator, access.service_rules())
    return passwords


class LocalStack:
    """The two servers and their data folder; by default a temporary one."""

    kafka: Kafka
    mongo: Mongo
    addresses: Addresses

    def __init__(self, data: Path | None = None, access_control: AccessControl | None = None) -> None:
        self._access_control = access_control
        self._temporary = (
            None if data else tempfile.TemporaryDirectory(prefix="referral-routing-", ignore_cleanup_errors=True)
        )
        self.data = data or Path(self._temporary.name if self._temporary else "")

    def start(self) -> Addresses:
        """Start both servers at the same time and wait until both are ready. Raises `StartError`."""
        exit_on_sigterm()
        try:
            self.mongo = Mongo(self.data / "mongo", self._access_control is not None)
            self.mongo.spawn()  # it starts while Kafka is prepared
            self.kafka = Kafka(self.data / "kafka", self._access_control)
            self.kafka.spawn()
            self.mongo.wait_ready()
            self.kafka.wait_ready()
            passwords = self._passwords() if self._access_control else {}
        except BaseException:
            self.stop()
            raise
        self.addresses = Addresses(self.kafka.address, self.mongo.uri, self.kafka.operator, self.kafka.ca, passwords)
        return self.addresses

    def _passwords(self) -> dict[str, str]:
        """Kafka passwords of the services and the analyst. Created the first time, with their access rules."""
        file = self.data / "kafka" / "passwords.json"
        if file.exists():
            saved: dict[str, str] = json.loads(file.read_text())
            return saved
        passwords = provision_service_users(self.kafka.operator)
        file.touch(mode=0o600)
        file.write_text(json.dumps(passwords))
        return passwords

    def stop(self) -> None:
        """Stop both servers. Temporary data is deleted, so those are killed; otherwise they close their files first."""
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
