"""The addresses of the local servers. Apart from `stack`, so that clients need not load what starts the servers."""

from dataclasses import dataclass, field

from deploy.cluster.login import Login


@dataclass(frozen=True)
class Addresses:
    """Where the servers are, and how to log in."""

    kafka: str
    """Bootstrap servers, `host:port`."""
    mongo: str
    """A connection string with the replica set; with access control it is the operator's."""
    operator: Login = Login("")  # noqa: RUF009  (it is frozen)
    """The operator's Kafka login, on a listener of its own; without a user where there is no access control."""
    ca: str = ""
    """PEM file of the certificate authority that Kafka's clients must trust; empty: no TLS."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """Kafka passwords of the services and the analyst; empty without access control."""

    def __post_init__(self) -> None:
        if not self.operator.kafka:
            object.__setattr__(self, "operator", Login(self.kafka))

    def login(self, user: str, password: str = "") -> Login:
        """The Kafka login of a user. A service or the analyst needs no `password`: theirs are known here."""
        if not self.operator.user:
            return Login(self.kafka)
        return Login(self.kafka, user, password or self.passwords[user], ca=self.ca)
