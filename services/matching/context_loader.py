"""Loads what matching's decisions need besides their streams, in one query per table and field."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import NeedRegistered, RecommendationAsked
from contracts.matching import EntryExpires, PriceSet
from contracts.notification import Declined
from contracts.words import DeclineCode
from services.chassis.ports import Claims

from .capacity import places
from .directory import entry_flags
from .directory.directory import Directory, service_id
from .directory.entry_flags import EntryFlags
from .domain.context import MatchingContext, subject
from .domain.hypothetical_need import as_need
from .domain.state import KnownNeed, NeedState, matches_of, service_of
from .model.entry import DirectoryEntry
from .place_table import LARGE, PlaceTable
from .pricing import current_prices, observations
from .waitlist import queue
from .waitlist.queue import Waiter

INDEXES: dict[str, list[tuple[str, ...]]] = {
    places.TABLE: [("service",), ("need",)],
    queue.TABLE: [("category",), ("need",)],
    entry_flags.FULL: [("service",)],
    entry_flags.DISPUTES: [("service",)],
    entry_flags.EXPIRY_NOTICES: [("service",)],
    **{table: [("day",)] for table in (*observations.TABLES, current_prices.TABLE)},
}
"""The fields that `Claims.find` looks up, by table."""

Pairs = Sequence[tuple[Any, Message]]
"""The events of a batch, each with the state of its stream."""
Rows = dict[str, entry_flags.Doc]


class MatchingContextLoader:
    """Loads all that a batch may touch. `large` is that of `PlaceTable`."""

    def __init__(
        self,
        directory: Directory,
        claims: Claims,
        prices: Callable[[], PriceSet | None] = lambda: None,
        large: int = LARGE,
    ) -> None:
        self._directory = directory
        self._claims = claims
        self._place_table = PlaceTable(claims, large)
        self._prices = prices

    async def gather(self, pairs: Pairs) -> MatchingContext:
        """See `ContextLoader`. A service that is published after this has no rows here: a claim on it is refused."""
        needs = {subject(event) for _, event in pairs}
        entries = self._entries(pairs)
        waiters = await self._waiters(entries.values(), needs)
        return MatchingContext(
            self._directory,
            await self._place_table.load(entries.values(), needs),
            waiters,
            await self._entry_flags(pairs, entries, waiters),
            self._prices(),
            await self._expiry_rows(pairs),
        )

    def _entries(self, pairs: Pairs) -> dict[str, DirectoryEntry]:
        """The services that may be chosen, and those that the needs hold a place at."""
        entries = {entry.id: entry for need in _needs(pairs) for entry in self._directory.ever(need)}
        for state, _ in pairs:
            matched = (self._directory.get(service_of(match)) for match in matches_of(state))
            entries |= {entry.id: entry for entry in matched if entry is not None}
        return entries

    async def _waiters(self, entries: Iterable[DirectoryEntry], needs: Iterable[str]) -> list[Waiter]:
        categories = {category.value for entry in entries for category in entry.service.categories}
        rows = await self._claims.find(queue.TABLE, "category", categories)
        rows |= await self._claims.find(queue.TABLE, "need", needs)
        return [queue.read(doc) for doc in rows.values()]

    async def _entry_flags(self, pairs: Pairs, entries: Iterable[str], waiters: Iterable[Waiter]) -> EntryFlags:
        households = (each.need for each in waiters if each.need.places > 1)  # places may be kept for them elsewhere
        open_to_households = {entry.id for need in households for entry in self._directory.ever(need)}
        full = await self._claims.find(entry_flags.FULL, "service", open_to_households.union(entries))
        disputed = {
            service_of(match) for state, event in pairs if _is_not_eligible(event) for match in matches_of(state)
        }
        return EntryFlags(full, await self._rows_of_services(entry_flags.DISPUTES, disputed))

    async def _expiry_rows(self, pairs: Pairs) -> Rows:
        expiring = {service_id(event.provider, event.service) for _, event in pairs if isinstance(event, EntryExpires)}
        return await self._rows_of_services(entry_flags.EXPIRY_NOTICES, expiring)

    async def _rows_of_services(self, table: str, services: set[str]) -> Rows:
        return await self._claims.find(table, "service", services) if services else {}


def _needs(pairs: Iterable[tuple[NeedState, Message]]) -> Iterator[NeedRegistered]:
    """The needs, as they were and as they are now, for which services may be chosen."""
    for state, event in pairs:
        if isinstance(state, KnownNeed):
            yield state.record.accepted
        if isinstance(event, NeedRegistered):
            yield event
        elif isinstance(event, RecommendationAsked):
            yield from (as_need(event, hypothetical) for hypothetical in event.needs)


def _is_not_eligible(event: Message) -> bool:
    return isinstance(event, Declined) and event.code is DeclineCode.NOT_ELIGIBLE
