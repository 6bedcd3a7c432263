"""Where the local servers are. Apart from `stack`, since who only asks for them need not load what starts them."""

from dataclasses import dataclass, field

from deploy.cluster.login import Login


@dataclass(frozen=True)
class Addresses:
    """Where to find the servers."""

    kafka: str
    """Bootstrap servers, `host:port`."""
    mongo: str
    """A connection string, replica set included; the operator's, where there are walls."""
    operator: Login = Login("")  # noqa: RUF009  (it is frozen)
    """Who may do everything on Kafka, on a listener of its own; without a user where there are no walls."""
    ca: str = ""
    """PEM file of the authority that clients of Kafka have to trust; empty: no TLS."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """Kafka's password of each service and the analyst; none where there are no walls."""

    def __post_init__(self) -> None:
        if not self.operator.kafka:
            object.__setattr__(self, "operator", Login(self.kafka))

    def login(self, user: str, password: str = "") -> Login:
        """A client's way in; services' and the analyst's passwords are known here."""
        if not self.operator.user:
            return Login(self.kafka)
        return Login(self.kafka, user, password or self.passwords[user], ca=self.ca)
