"""What `python -m deploy.local up` left running, and where: the file build/local/state.json, for its owner only."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.cluster.login import Login
from deploy.local.addresses import Addresses

HOME = Path(__file__).parents[2] / "build" / "local"


@dataclass(frozen=True)
class State:
    """What `up` left behind."""

    pid: int
    """The process that holds the others."""
    addresses: Addresses
    urls: dict[str, str]
    """Health and metrics of each service."""
    operator_token: str = field(default="", repr=False)
    """Bearer token of the services' read-only JSON."""
    operator_key: str = ""
    """File of the operator's private key, which opens dead letters."""

    @staticmethod
    def read() -> "State | None":
        """What runs now, if anything does."""
        try:
            found = json.loads((HOME / "state.json").read_text())
        except FileNotFoundError:
            return None
        addresses = Addresses(**{**found["addresses"], "operator": Login(**found["addresses"]["operator"])})
        state = State(**{**found, "addresses": addresses})
        return state if state.alive() else None

    def write(self) -> None:
        """Make it known, all at once."""
        new = HOME / "state.new"
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)  # the operator's password and token are in it
        new.write_text(json.dumps(asdict(self), indent=2))
        new.rename(HOME / "state.json")

    def alive(self) -> bool:
        """Whether that process is there and is still ours, since ids are used again."""
        try:
            return b"deploy.local\0hold" in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except FileNotFoundError:
            return False

    def show(self) -> None:
        """For people."""
        print(f"Kafka         {self.addresses.kafka}  (SASL_PLAINTEXT, SCRAM-SHA-512)")
        print(f"MongoDB       {re.sub(':[^:@/]+@', ':…@', self.addresses.mongo)}")
        for name, url in self.urls.items():
            print(f"{name:<13} {url}/health/ready  {url}/metrics")
        print(f"Logs and data are in {HOME}, the operator's passwords in state.json there, for your eyes only.")
        print("`make down` stops all, `.venv/bin/referrals doctor` looks after it.")
