"""Who may receive messages: the last check before one leaves for a provider.

A provider that the registry bars may have been matched a moment earlier, or may hold an older offer. It still learns
what was wrong with its own input, but nothing about any person, need or offer.
"""

from collections.abc import Sequence
from typing import Any

from contracts import provider, topics
from contracts.base import Message
from services.chassis.decider import Effect
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.ingress.tenant_registry import TenantRegistry

_ABOUT_OWN_INPUT = frozenset({provider.ProviderInputRefused.ce_type(), provider.EntryRefused.ce_type()})


class Recipients:
    """The policy's context, and the loop's outbound transform."""

    def __init__(self, registry: TenantRegistry) -> None:
        self._registry = registry

    def admits(self, provider: str) -> bool:
        """Whether an offer may go to this provider."""
        return self._registry.admits(provider)

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> "Recipients":
        """Itself: the registry is kept up to date elsewhere, so nothing is loaded for a batch."""
        return self

    def consume(self, effects: Sequence[Effect]) -> None:
        """Does nothing: a decision uses nothing up."""

    async def render(self, outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        """Leaves out the messages to barred providers, except those about their own input."""
        return [each for each in outgoing if each.type in _ABOUT_OWN_INPUT or not self._is_barred(each.topic)]

    def _is_barred(self, topic: str) -> bool:
        try:
            tenant = topics.tenant_of(topic)
        except ValueError:  # an internal topic
            return False
        return not self._registry.admits(tenant)
