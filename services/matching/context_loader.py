"""Loads what matching's decisions need from outside their streams, in one query per table and field."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from contracts.base import Message
from contracts.intake import NeedRegistered, RecommendationAsked
from contracts.matching import EntryLapses, PriceSet
from contracts.notification import Declined
from contracts.words import DeclineCode
from services.chassis.ports import Claims

from .capacity import places
from .capacity.places import Places
from .directory import entry_flags
from .directory.directory import Directory, service_id
from .directory.entry_flags import EntryFlags
from .domain.context import MatchingContext, subject
from .domain.hypothetical_need import as_need
from .domain.state import NeedState, service_of
from .pricing import current_prices, observations
from .waitlist import queue

INDEXES: dict[str, list[tuple[str, ...]]] = {
    places.TABLE: [("service",), ("need",)],
    queue.TABLE: [("category",), ("need",)],
    entry_flags.FULL: [("service",)],
    entry_flags.DISPUTES: [("service",)],
    entry_flags.LAPSES: [("service",)],
    **{table: [("day",)] for table in (*observations.TABLES, current_prices.TABLE)},
}
"""What `Claims.find` looks for, by table."""


class MatchingContextLoader:
    """Gathers, in one query per table and field, what a batch may touch."""

    def __init__(
        self, directory: Directory, claims: Claims, prices: Callable[[], PriceSet | None] = lambda: None
    ) -> None:
        self._directory = directory
        self._claims = claims
        self._prices = prices

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> MatchingContext:
        """See `ContextLoader`. Rows of a service that joins the directory meanwhile are missing: its claim is refused."""
        needs = {subject(event) for _, event in pairs}
        entries = {entry.id: entry for need in _asked(pairs) for entry in self._directory.ever(need)}
        for state, _ in pairs:
            held = (self._directory.get(service_of(match)) for match in state.matches)
            entries |= {entry.id: entry for entry in held if entry is not None}
        rows = await self._claims.find(places.TABLE, "service", entries)
        rows |= await self._claims.find(places.TABLE, "need", needs)
        rivals = {category.value for entry in entries.values() for category in entry.service.categories}
        docs = await self._claims.find(queue.TABLE, "category", rivals)
        docs |= await self._claims.find(queue.TABLE, "need", needs)
        waiters = [queue.read(doc) for doc in docs.values()]
        households = (each.need for each in waiters if each.need.places > 1)  # places may be kept for them elsewhere
        open_to_them = {entry.id for need in households for entry in self._directory.ever(need)}
        full = await self._claims.find(entry_flags.FULL, "service", open_to_them | entries.keys())
        refused = {service_of(match) for state, event in pairs if _says_not_eligible(event) for match in state.matches}
        disputes = await self._claims.find(entry_flags.DISPUTES, "service", refused) if refused else {}
        lapsing_ = {service_id(event.provider, event.service) for _, event in pairs if isinstance(event, EntryLapses)}
        lapses = await self._claims.find(entry_flags.LAPSES, "service", lapsing_) if lapsing_ else {}
        return MatchingContext(
            self._directory, Places(rows), waiters, EntryFlags(full, disputes), self._prices(), lapses
        )


def _asked(pairs: Iterable[tuple[NeedState, Message]]) -> Iterator[NeedRegistered]:
    """The needs, as they were and as they are now, for which services may be looked for."""
    for state, event in pairs:
        if state.accepted is not None:
            yield state.accepted
        if isinstance(event, NeedRegistered):
            yield event
        elif isinstance(event, RecommendationAsked):
            yield from (as_need(event, asked) for asked in event.needs)


def _says_not_eligible(event: Message) -> bool:
    return isinstance(event, Declined) and event.code is DeclineCode.NOT_ELIGIBLE
