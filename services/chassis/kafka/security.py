"""Who this service is to Kafka, in the words of each client library, and what is said when Kafka refuses it."""

import logging
import ssl
from time import monotonic
from typing import Any

import structlog
from aiokafka.errors import SaslAuthenticationFailed
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram512

from ..settings import ChassisSettings

_QUIET = 10.0


def connecting(settings: ChassisSettings) -> dict[str, Any]:
    """Where Kafka is and who we are: arguments of any client of aiokafka."""
    protocol = ("SASL_" if settings.kafka_user else "") + ("SSL" if settings.kafka_ca else "PLAINTEXT")
    found: dict[str, Any] = {"bootstrap_servers": settings.kafka, "security_protocol": protocol}
    if settings.kafka_user:
        found |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.kafka_password,
        }
    if settings.kafka_ca:
        found["ssl_context"] = _trusting(settings)
    return found


def security(settings: ChassisSettings) -> BaseSecurity | None:
    """The same for FastStream."""
    context = _trusting(settings) if settings.kafka_ca else None
    if not settings.kafka_user:
        return BaseSecurity(ssl_context=context) if context else None
    kind = SASLPlaintext if settings.kafka_mechanism == "PLAIN" else SASLScram512
    return kind(settings.kafka_user, settings.kafka_password, ssl_context=context, use_ssl=context is not None)


def _trusting(settings: ChassisSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.kafka_ca)


class Refusals(logging.Handler):
    """Hears from aiokafka's log why a connection failed: what it raises says only that it did."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said = -_QUIET

    def emit(self, record: logging.LogRecord) -> None:
        """Say it once in a while, with what to do."""
        causes = [*(record.args if isinstance(record.args, tuple) else ()), record.exc_info and record.exc_info[1]]
        cause = next((each for each in causes if isinstance(each, SaslAuthenticationFailed | ssl.SSLError)), None)
        if cause is None or monotonic() - self._said < _QUIET:
            return
        self._said = monotonic()
        if isinstance(cause, ssl.SSLError):
            hint = "is REFERRALS_KAFKA_CA the certificate of the authority that signed the broker's?"
        else:
            hint = "Kafka refused our login: check REFERRALS_KAFKA_USER and REFERRALS_KAFKA_PASSWORD, or rotate it"
        structlog.get_logger().error("kafka_login_refused", reason=type(cause).__name__, hint=hint)


def listen() -> None:
    """Begin to hear, once for this process."""
    library = logging.getLogger("aiokafka")
    if not any(isinstance(each, Refusals) for each in library.handlers):
        library.addHandler(Refusals())
