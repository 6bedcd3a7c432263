"""Decides events in advance, without carrying anything out: which of them would change anything?

A periodic job looks at rows and suspects what may have been missed. If it published an event for each suspicion, a
system at rest would send events for ever that change nothing. So it rehearses them: it loads the streams, decides as
the loop would, and publishes only the events that have effects. The loop then decides them again, in order; so a
rehearsal that is out of date does no harm, and what one look does not see yet, the next one does.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Generic

import structlog

from contracts.base import Message

from ..decider import Context, ContextLoader, IncomingEvent, NoContext, Policy, S
from ..errors import where
from ..ports import Store
from .journal import entries_of, fold

logger = structlog.get_logger()

Addressed = tuple[Message, str]
"""An event for the service's own inbox, and its record key."""


class Rehearsal(Generic[S]):
    """Rehearses events of one service, with the policy and the context loader of its loop."""

    def __init__(self, policy: Policy[S], store: Store, context_loader: ContextLoader | None = None) -> None:
        self._policy, self._store = policy, store
        self._context_loader: ContextLoader = context_loader or NoContext()

    async def with_effect(self, events: Sequence[Addressed], now: datetime) -> list[Addressed]:
        """Those of the events that would change anything if they were decided now, in this order.

        Raises `TransientError` when the database is not available.
        """
        if not events:
            return []
        states = await self._states({self._policy.stream(event) for event, _ in events})
        known = [(event, key) for event, key in events if self._policy.stream(event) in states]
        pairs = [(states[self._policy.stream(event)], event) for event, _ in known]
        context = await self._context_loader.gather(pairs)
        return [
            (event, key)
            for (state, event), (_, key) in zip(pairs, known, strict=True)
            if self._has_effect(state, IncomingEvent(event, "", now, key), now, context)
        ]

    async def _states(self, streams: Iterable[str]) -> dict[str, S]:
        """The states of the streams, without those whose journal cannot be folded."""
        documents = await self._store.load(sorted(streams))
        states: dict[str, S] = {}
        for stream in streams:
            try:
                states[stream] = fold(self._policy, stream, entries_of(documents.get(stream, ())))
            except Exception as error:  # noqa: BLE001  # Whatever it is: this stream alone is left out
                _failed(stream, error)
        return states

    def _has_effect(self, state: S, event: IncomingEvent, now: datetime, context: Context) -> bool:
        try:
            effects = self._policy.decide(state, event, now, context)
            context.consume(effects)
        except Exception as error:  # noqa: BLE001  # A bug in the policy; the others are rehearsed all the same
            _failed(self._policy.stream(event.data), error)
            return False
        return bool(effects)


def _failed(stream: str, error: Exception) -> None:
    logger.error(
        "rehearsal_failed",
        stream=stream,
        reason=type(error).__name__,
        where=where(error),
        hint="its journal cannot be read, or there is a bug in the policy; a periodic job leaves this stream out",
    )
