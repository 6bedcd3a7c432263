"""The first contact with Kafka: it responds, or one line says why it does not."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from deploy.cluster.login import Login

from .errors import UserError

_CONTACT = 8.0


@dataclass(frozen=True)
class Hints:
    """What to do about each problem at the first contact; the defaults are for the operator."""

    login: str = "check REFERRALS_KAFKA_USER, _PASSWORD and _MECHANISM; the operator uses a listener of its own"
    trust: str = "check that REFERRALS_KAFKA_CA is the PEM file of the authority that signed Kafka's certificate"
    silence: str = (
        "check that it is running, that this is the operator's listener, and whether it expects a login or TLS"
    )
    error: type[UserError] = UserError
    """Raised when Kafka does not respond."""


def connect(login: Login, hints: Hints) -> tuple[AdminClient, dict[str, int]]:
    """An administrator's client, and the topics that this login may see with their numbers of partitions.

    Raises `UserError` with one of `hints` when Kafka does not respond, is not trusted, or refuses the login.
    """
    errors: list[KafkaError] = []
    try:
        admin = AdminClient({**login.confluent(), "error_cb": errors.append})
    except KafkaException as error:  # such as a missing file
        raise UserError(f"the login for Kafka at {login.kafka} cannot be used", error_text(error)) from None
    deadline = time.monotonic() + _CONTACT
    while True:
        try:
            topics = admin.list_topics(timeout=1).topics
            return admin, {name: len(topic.partitions) for name, topic in topics.items()}
        except KafkaException:
            admin.poll(0)
            _explain(login.kafka, errors, hints, time.monotonic() > deadline)


def _explain(kafka: str, errors: Sequence[KafkaError], hints: Hints, is_late: bool) -> None:
    """Raises the error that explains why there is no answer, once the reason is known or it is too late."""
    if any(each.code() == KafkaError._AUTHENTICATION for each in errors):
        raise UserError(f"Kafka at {kafka} refuses the login", hints.login)
    if any(each.code() == KafkaError._SSL for each in errors):
        raise UserError(f"the certificate of Kafka at {kafka} is not trusted", hints.trust)
    if is_late:
        raise hints.error(f"Kafka at {kafka} does not respond", hints.silence)


def error_text(error: BaseException) -> str:
    """The message of an error from a client library or from deploy/, without class names."""
    cause = error.args[0] if error.args else type(error).__name__
    return str(cause.str()) if isinstance(cause, KafkaError) else str(cause)
