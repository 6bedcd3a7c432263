"""Waiting for Kafka or MongoDB to become available: retried for ever, with one log line for each attempt."""

from collections.abc import AsyncIterator, Collection
from contextlib import suppress

import stamina
import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from stamina.instrumentation import set_on_retry_hooks

from ..errors import TransientError
from ..settings import ChassisSettings
from .security import connecting

logger = structlog.get_logger()

set_on_retry_hooks(())  # stamina's own lines would show arguments and error texts, which may contain a person


def until_available(pause: float, hint: str) -> AsyncIterator[stamina.Attempt]:
    """Attempts without end, `pause` seconds apart, while the block raises `KafkaError` or `TransientError`::

    async for attempt in until_available(1.0, "is Kafka up?"):
        with attempt:
            ...
    """

    def retry_after(error: Exception) -> float | bool:
        if not isinstance(error, KafkaError | TransientError):
            return False
        # The text of a `TransientError` is ours; that of a `KafkaError` is not.
        reason = f"TransientError: {error}" if isinstance(error, TransientError) else type(error).__name__
        logger.warning("waiting_for_servers", reason=reason, retry_in_s=pause, hint=hint)
        return pause

    return stamina.retry_context(on=retry_after, attempts=None, timeout=None)


async def check_topics(settings: ChassisSettings, needed: Collection[str]) -> None:
    """Raises `TransientError` when a topic is missing: a subscriber to it would hang without any message.

    Raises `KafkaError` when Kafka does not respond.
    """
    admin = AIOKafkaAdminClient(**connecting(settings))
    try:
        await admin.start()
        missing = set(needed) - set(await admin.list_topics())
    finally:
        with suppress(KafkaError):
            await admin.close()
    if missing:
        raise TransientError(f"topics are missing: {', '.join(sorted(missing))}")
