"""Where Kafka is and who connects, mapped once to the parameters of each client library.

    operator = Login("127.0.0.1:20123", "operator", "…", mechanism="PLAIN")
    AIOKafkaProducer(**operator.aiokafka())
    AdminClient(operator.confluent())
    Producer(operator.confluent_producer(timeout_ms=15_000))

Without a user there is no access control: a plain server, as somebody's own container may be.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any

SCRAM = "SCRAM-SHA-512"


@dataclass(frozen=True)
class Login:
    """How one principal connects to Kafka. `ca` is the path of a PEM file; with it the connection uses TLS."""

    kafka: str
    """Bootstrap servers: `host:port`, separated by commas."""
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = SCRAM
    ca: str = ""

    @staticmethod
    def from_address(kafka: "str | Login") -> "Login":
        """A login without a user for a bare address; a `Login` is returned as it is."""
        return kafka if isinstance(kafka, Login) else Login(kafka)

    @property
    def protocol(self) -> str:
        """Kafka's name of the security protocol, such as SASL_SSL."""
        return ("SASL_" if self.user else "") + ("SSL" if self.ca else "PLAINTEXT")

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments for any client of aiokafka."""
        arguments: dict[str, Any] = {"bootstrap_servers": self.kafka, "security_protocol": self.protocol}
        if self.user:
            arguments |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        if self.ca:
            arguments["ssl_context"] = ssl.create_default_context(cafile=self.ca)
        return arguments

    def confluent(self) -> dict[str, Any]:
        """Configuration for any client of confluent-kafka."""
        config: dict[str, Any] = {"bootstrap.servers": self.kafka, "security.protocol": self.protocol, "log_level": 2}
        if self.user:
            config |= {"sasl.mechanism": self.mechanism, "sasl.username": self.user, "sasl.password": self.password}
        if self.ca:
            config["ssl.ca.location"] = self.ca
        return config

    def confluent_producer(self, timeout_ms: int) -> dict[str, Any]:
        """Configuration for a producer that neither loses nor doubles a record; it gives up after `timeout_ms`.

        A key goes to the same partition as from Java's and aiokafka's clients.
        """
        return {
            **self.confluent(),
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.timeout.ms": timeout_ms,
        }

    def confluent_consumer(self, group: str, fetch_wait_ms: int) -> dict[str, Any]:
        """Configuration for a consumer that commits nothing and reports the end of each partition."""
        return {
            **self.confluent(),
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": fetch_wait_ms,
        }
