"""Where Kafka is and who one is there, in the words of each client library.

    operator = Login("127.0.0.1:20123", "operator", "…", mechanism="PLAIN")
    AIOKafkaProducer(**operator.aiokafka())
    AdminClient(operator.confluent())

No user means no walls: a plain server, as a container of somebody's own may be.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any

SCRAM = "SCRAM-SHA-512"


@dataclass(frozen=True)
class Login:
    """One principal's way in. `ca` is the path of a PEM file; with it the connection is TLS."""

    kafka: str
    """Bootstrap servers, `host:port`, with commas between several."""
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = SCRAM
    ca: str = ""

    @staticmethod
    def of(kafka: "str | Login") -> "Login":
        """A bare address is a login without a user."""
        return kafka if isinstance(kafka, Login) else Login(kafka)

    @property
    def protocol(self) -> str:
        """Kafka's name for it."""
        return ("SASL_" if self.user else "") + ("SSL" if self.ca else "PLAINTEXT")

    def aiokafka(self) -> dict[str, Any]:
        """Arguments of any client of aiokafka."""
        found: dict[str, Any] = {"bootstrap_servers": self.kafka, "security_protocol": self.protocol}
        if self.user:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        if self.ca:
            found["ssl_context"] = ssl.create_default_context(cafile=self.ca)
        return found

    def confluent(self) -> dict[str, Any]:
        """Configuration of any client of confluent-kafka."""
        found: dict[str, Any] = {"bootstrap.servers": self.kafka, "security.protocol": self.protocol, "log_level": 2}
        if self.user:
            found |= {"sasl.mechanism": self.mechanism, "sasl.username": self.user, "sasl.password": self.password}
        if self.ca:
            found["ssl.ca.location"] = self.ca
        return found
