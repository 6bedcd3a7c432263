"""How this service logs in to Kafka, for each client library, and a clear log line when Kafka refuses the login."""

import logging
import ssl
from time import monotonic
from typing import Any

import structlog
from aiokafka.errors import SaslAuthenticationFailed
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram512

from ..settings import ChassisSettings

_QUIET = 10.0
"""Seconds between two reports of a refused login."""


def connecting(settings: ChassisSettings) -> dict[str, Any]:
    """Address and login, as arguments of any aiokafka client."""
    protocol = ("SASL_" if settings.kafka_user else "") + ("SSL" if settings.kafka_ca else "PLAINTEXT")
    arguments: dict[str, Any] = {"bootstrap_servers": settings.kafka, "security_protocol": protocol}
    if settings.kafka_user:
        arguments |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.kafka_password,
        }
    if settings.kafka_ca:
        arguments["ssl_context"] = _tls_context(settings)
    return arguments


def security(settings: ChassisSettings) -> BaseSecurity | None:
    """The login, as FastStream needs it; None without login and TLS."""
    context = _tls_context(settings) if settings.kafka_ca else None
    if not settings.kafka_user:
        return BaseSecurity(ssl_context=context) if context else None
    kind = SASLPlaintext if settings.kafka_mechanism == "PLAIN" else SASLScram512
    return kind(settings.kafka_user, settings.kafka_password, ssl_context=context, use_ssl=context is not None)


def _tls_context(settings: ChassisSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.kafka_ca)


class _RefusedLogins(logging.Handler):
    """Finds out from aiokafka's log why a connection failed: its exceptions say only that it did."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._reported_at = -_QUIET

    def emit(self, record: logging.LogRecord) -> None:
        """Report a refused login, at most once in ten seconds."""
        causes = [*(record.args if isinstance(record.args, tuple) else ()), record.exc_info and record.exc_info[1]]
        cause = next((each for each in causes if isinstance(each, SaslAuthenticationFailed | ssl.SSLError)), None)
        if cause is None or monotonic() - self._reported_at < _QUIET:
            return
        self._reported_at = monotonic()
        if isinstance(cause, ssl.SSLError):
            hint = (
                "check that REFERRALS_KAFKA_CA is the certificate of the authority that signed the broker's certificate"
            )
        else:
            hint = "check REFERRALS_KAFKA_USER and REFERRALS_KAFKA_PASSWORD, or rotate the password: Kafka refused them"
        structlog.get_logger().error("kafka_login_refused", reason=type(cause).__name__, hint=hint)


def report_refused_logins() -> None:
    """Report refused logins of all clients of this process. May be called repeatedly."""
    library = logging.getLogger("aiokafka")
    if not any(isinstance(each, _RefusedLogins) for each in library.handlers):
        library.addHandler(_RefusedLogins())
