"""The first contact with Kafka: either it answers, or one line says why it does not."""

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
    """What to do, by what goes wrong at the first contact; the operator's unless told otherwise."""

    login: str = "check REFERRALS_KAFKA_USER, _PASSWORD and _MECHANISM; the operator has a listener of its own"
    trust: str = "is REFERRALS_KAFKA_CA its authority's PEM file?"
    silence: str = "is it up, is this the operator's listener, does it expect a login or TLS?"
    away: type[UserError] = UserError
    """What it is when nobody answers."""


def reach(login: Login, hints: Hints) -> tuple[AdminClient, dict[str, int]]:
    """A Kafka that answers, and the topics that may be known of with their partitions. `UserError` when it does not."""
    heard: list[KafkaError] = []
    try:
        admin = AdminClient({**login.confluent(), "error_cb": heard.append})
    except KafkaException as error:  # such as a file that is not there
        raise UserError(f"the login for Kafka at {login.kafka} is unusable", words(error)) from None
    deadline = time.monotonic() + _CONTACT
    while True:
        try:
            found = admin.list_topics(timeout=1).topics
            return admin, {name: len(topic.partitions) for name, topic in found.items()}
        except KafkaException:
            admin.poll(0)
            _explain(login.kafka, heard, hints, time.monotonic() > deadline)


def _explain(kafka: str, heard: Sequence[KafkaError], hints: Hints, late: bool) -> None:
    if any(each.code() == KafkaError._AUTHENTICATION for each in heard):
        raise UserError(f"Kafka at {kafka} refuses the login", hints.login)
    if any(each.code() == KafkaError._SSL for each in heard):
        raise UserError(f"Kafka at {kafka} is not trusted", hints.trust)
    if late:
        raise hints.away(f"Kafka at {kafka} does not answer", hints.silence)


def words(error: BaseException) -> str:
    """What a client library or deploy/ says of a failure, without its own names."""
    cause = error.args[0] if error.args else type(error).__name__
    return str(cause.str()) if isinstance(cause, KafkaError) else str(cause)
