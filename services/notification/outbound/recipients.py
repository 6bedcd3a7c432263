"""Who may be told anything: the last look before a message leaves for a provider.

An organisation that the registry bars may have been matched a moment before, or hold an offer from better days. It is
told what was wrong with its own words, and nothing of any person, need or offer.
"""

from collections.abc import Sequence
from typing import Any

from contracts import provider, topics
from contracts.base import Message
from services.chassis.decider import Effect
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.ingress.tenant_registry import TenantRegistry

_OWN_WORDS = frozenset({provider.ProviderInputRefused.ce_type(), provider.EntryRefused.ce_type()})


class Recipients:
    """What the policy is `given`, and the loop's `Render`."""

    def __init__(self, registry: TenantRegistry) -> None:
        self._registry = registry

    def admits(self, provider: str) -> bool:
        """Whether an offer may go to this provider."""
        return self._registry.admits(provider)

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> "Recipients":
        """Itself: the registry is followed, not asked."""
        return self

    def consume(self, effects: Sequence[Effect]) -> None:
        """Nothing is used up."""

    async def render(self, outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        """Leaves out what is for an organisation that may not be told."""
        return [each for each in outgoing if each.type in _OWN_WORDS or not self._barred(each.topic)]

    def _barred(self, topic: str) -> bool:
        try:
            tenant = topics.tenant_of(topic)
        except ValueError:  # an internal topic
            return False
        return not self._registry.admits(tenant)
