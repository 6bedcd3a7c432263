"""Loads what intake's decisions need from outside their streams."""

from collections.abc import Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import LinkEnded, ReferralReceived, ServedDoubtful, StatusAsked
from services.chassis.ports import Claims

from .domain.context import IntakeContext
from .domain.deduplication import LINKS, SERVED, row_of
from .domain.state import Referral
from .outbound.provider_keys import ProviderKeys

INDEXES: dict[str, list[tuple[str, ...]]] = {LINKS: [("row",)]}
"""What `Claims.find` looks for, by table."""


class IntakeContextLoader:
    """Gathers in at most two queries, and in none where nobody in the batch can be known again."""

    def __init__(self, providers: ProviderKeys, claims: Claims) -> None:
        self._providers, self._claims = providers, claims

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> IntakeContext:
        """See `ContextLoader`. The directory is followed, not asked."""
        wanted: set[str] = set()
        returning: set[str] = set()
        for state, event in pairs:
            assert isinstance(state, Referral)  # noqa: S101
            match event:
                case ReferralReceived():
                    rows = (row_of(event.marks, asked.category) for asked in event.needs)
                    wanted.update(row for row in rows if row is not None)
                case LinkEnded():
                    wanted.add(event.row)
                case ServedDoubtful():
                    returning.add(event.row)
                case StatusAsked():
                    continue
            returning.update(each.row for each in state.serving.values())
        served = await self._claims.find(SERVED, "_id", wanted) if wanted else {}
        links = await self._claims.find(LINKS, "row", returning) if returning else {}
        return IntakeContext(self._providers, served, links)
