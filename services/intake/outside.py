"""What intake's decisions need from outside the streams: the providers' keys, and the rows of duplicates."""

from collections.abc import Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import LinkEnded, Received, ServedDoubtful, StatusAsked
from services.chassis.decider import Claim, Effect, Put
from services.chassis.ports import Claims

from .duplicates import LINKS, SERVED, Doc, row_of
from .release import ProviderKeys
from .state import Referral

INDEXES: dict[str, list[tuple[str, ...]]] = {LINKS: [("row",)]}
"""What `Claims.find` looks for, by table."""


class Given:
    """What was gathered for one batch, and what its decisions have added.

    A row that the batch gives back stays until the next batch: it is deleted only after the facts are stored.
    """

    def __init__(
        self, providers: ProviderKeys, served: dict[str, Doc] | None = None, links: dict[str, Doc] | None = None
    ) -> None:
        self._providers = providers
        self.served = served or {}
        self.links = links or {}

    def __contains__(self, provider: object) -> bool:
        return provider in self._providers

    def spend(self, effects: Sequence[Effect]) -> None:
        """Who was found a row, and who was linked."""
        for effect in effects:
            match effect:
                case Claim(table, row, doc) if table == SERVED:
                    self.served[row] = doc
                case Put(table, row, doc) if table == LINKS:
                    self.links[row] = doc


class IntakeOutside:
    """Gathers in at most two queries, and in none where nobody in the batch can be known again."""

    def __init__(self, providers: ProviderKeys, claims: Claims) -> None:
        self._providers, self._claims = providers, claims

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> Given:
        """See `Outside`. The directory is followed, not asked."""
        wanted: set[str] = set()
        returning: set[str] = set()
        for state, event in pairs:
            assert isinstance(state, Referral)  # noqa: S101
            match event:
                case Received():
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
        return Given(self._providers, served, links)
