"""A real Kafka and a real MongoDB on free ports of 127.0.0.1, without Docker.

    with LocalStack() as stack:                 # or LocalStack(Path("build/data")) to keep the data
        stack.addresses                         # Addresses(kafka="127.0.0.1:20123", mongo="mongodb://…")
        stack.kafka.kill(); stack.kafka.restart()       # see process.py: also freeze, thaw, running
        stack.mongo.freeze(); stack.mongo.thaw()

`start()` and `stop()` do the same without `with`. Logs: kafka.log and mongo.log in the data folder. No topics are
there yet: see topics.py.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.kafka import Kafka
from deploy.local.mongo import Mongo
from deploy.local.process import exit_on_sigterm


@dataclass(frozen=True)
class Addresses:
    """Where to find the servers."""

    kafka: str
    """Bootstrap servers, `host:port`."""
    mongo: str
    """A connection string, replica set included."""


class LocalStack:
    """The two servers and their data folder, which is a temporary one if none is given."""

    kafka: Kafka
    mongo: Mongo
    addresses: Addresses

    def __init__(self, data: Path | None = None) -> None:
        self._temporary = (
            None if data else tempfile.TemporaryDirectory(prefix="referral-routing-", ignore_cleanup_errors=True)
        )
        self.data = data or Path(self._temporary.name if self._temporary else "")

    def start(self) -> Addresses:
        """Start both at the same time and wait for both. StartFailed says what went wrong, with the end of the log."""
        exit_on_sigterm()
        try:
            self.mongo = Mongo(self.data / "mongo")
            self.mongo.spawn()  # comes up while Kafka is prepared
            self.kafka = Kafka(self.data / "kafka")
            self.kafka.spawn()
            self.mongo.wait_ready()
            self.kafka.wait_ready()
        except BaseException:
            self.stop()
            raise
        self.addresses = Addresses(self.kafka.address, self.mongo.uri)
        return self.addresses

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
