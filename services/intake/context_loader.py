"""Loads what intake's decisions need from outside their streams."""

from collections.abc import Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import LinkEnded, ReferralReceived, ServedDoubtful, StatusAsked
from services.chassis.ports import Claims

from .domain.context import IntakeContext
from .domain.deduplication import LINKS, SERVED, row_of
from .domain.state import Referral, UnknownReferral
from .outbound.provider_keys import ProviderKeys

INDEXES: dict[str, list[tuple[str, ...]]] = {LINKS: [("row",)]}
"""The fields that `Claims.find` searches by, by table."""


class IntakeContextLoader:
    """Loads the rows of the duplicate check with two queries at most, and none if a batch concerns no rows."""

    def __init__(self, providers: ProviderKeys, claims: Claims) -> None:
        self._providers, self._claims = providers, claims

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> IntakeContext:
        """See `ContextLoader`. Providers' keys need no query, since their directories are followed."""
        claimed: set[str] = set()
        released: set[str] = set()
        for state, event in pairs:
            assert isinstance(state, Referral | UnknownReferral)  # noqa: S101
            match event:
                case ReferralReceived():
                    rows = (row_of(event.marks, need.category) for need in event.needs)
                    claimed.update(row for row in rows if row is not None)
                case LinkEnded():
                    claimed.add(event.row)
                case ServedDoubtful():
                    released.add(event.row)
                case StatusAsked():
                    continue  # changes no row
            released.update(claim.row for claim in state.needs.serving.values())
        served = await self._claims.find(SERVED, "_id", claimed) if claimed else {}
        links = await self._claims.find(LINKS, "row", released) if released else {}
        return IntakeContext(self._providers, served, links)
