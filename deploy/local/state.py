"""What `python -m deploy.local up` left running: the file build/local/state.json, which only its owner can read."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.cluster.login import Login
from deploy.local.addresses import Addresses

HOME = Path(__file__).parents[2] / "build" / "local"


@dataclass(frozen=True)
class State:
    """The processes that `up` left running, and how to reach them."""

    pid: int
    """The supervisor process, which owns the others."""
    addresses: Addresses
    urls: dict[str, str]
    """Base URL of each service."""
    operator_token: str = field(default="", repr=False)
    """Bearer token for the services' read-only JSON."""
    operator_key: str = ""
    """File of the operator's private key, which decrypts dead letters."""

    @staticmethod
    def read() -> "State | None":
        """What is running now; None when nothing is."""
        try:
            saved = json.loads((HOME / "state.json").read_text())
        except FileNotFoundError:
            return None
        addresses = Addresses(**{**saved["addresses"], "operator": Login(**saved["addresses"]["operator"])})
        state = State(**{**saved, "addresses": addresses})
        return state if state.alive() else None

    def write(self) -> None:
        """Write the file in one step, so that nobody reads half of it."""
        new = HOME / "state.new"
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)  # it holds the operator's password and token
        new.write_text(json.dumps(asdict(self), indent=2))
        new.rename(HOME / "state.json")

    def alive(self) -> bool:
        """Whether the supervisor is still running. Checks its command, because process ids are reused."""
        try:
            return b"deploy.local\0hold" in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except FileNotFoundError:
            return False

    def show(self) -> None:
        """Print the addresses for people."""
        print(f"Kafka         {self.addresses.kafka}  (SASL_PLAINTEXT, SCRAM-SHA-512)")
        print(f"MongoDB       {re.sub(':[^:@/]+@', ':…@', self.addresses.mongo)}")
        for name, url in self.urls.items():
            print(f"{name:<13} {url}/health/ready  {url}/metrics")
        print(f"Logs and data are in {HOME}. Keep state.json there to yourself: it holds the operator's passwords.")
        print("`.venv/bin/referrals doctor` checks everything; `make down` stops everything.")
