"""Waiting for Kafka or MongoDB to become available: retried for ever, with one log line for each attempt."""

from collections.abc import AsyncIterator

import stamina
import structlog
from aiokafka.errors import KafkaError
from stamina.instrumentation import set_on_retry_hooks

from ..errors import TransientError

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
